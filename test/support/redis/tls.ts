/** One certificate for all servers and clients of a cluster that talks TLS alone. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';

/** Every server's name: their addresses change, and redis itself asks no certificate for a name. */
const SERVER_NAME = 'redis.test';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 24 * 60 * 60 * 1000;

export type Tls = {
  certFile: string;
  keyFile: string;
  /** For a client's socket; the certificate is its own CA. */
  client: { tls: true; ca: string; cert: string; key: string; servername: string };
};

/** Writes a certificate for both sides of a connection (the cluster bus asks for both) into a new directory. */
export async function issueTls(directory: string): Promise<Tls> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${SERVER_NAME}`,
    keys,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: ALGORITHM,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: SERVER_NAME }])],
  });
  const cert = certificate.toString('pem');
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  const [certFile, keyFile] = [join(directory, 'redis.crt'), join(directory, 'redis.key')];
  mkdirSync(directory);
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  return { certFile, keyFile, client: { tls: true, ca: cert, cert, key, servername: SERVER_NAME } };
}
