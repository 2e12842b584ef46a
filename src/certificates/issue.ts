/** Makes keys and certificates. Loaded when the first one is needed: the library under it takes its time. */
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Authority } from './authority.ts';
import { readCertificate } from './certificate.ts';
import { keyPair } from './key-pair.ts';
import type { Serving } from './serving.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of the machines that check a certificate may be behind ours. */
const CLOCK_SKEW_MS = 60 * 60 * 1000;

/**
 * A CA that may sign serving certificates and nothing below them. It is valid from an hour ago, or from as early
 * as the CA that it follows: should the clock by which it was made turn out to have been ahead, it is valid all
 * the same.
 */
export async function issueAuthority(
  lifetimeMs: number,
  nowMs: number,
  previous?: { notBeforeMs: number },
): Promise<Pick<Authority, 'certificate' | 'key'>> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // A name of its own: with two of one name a client may check a signature against the wrong key.
    name: `CN=redis-ip-updater CA ${randomBytes(4).toString('hex')}`,
    keys,
    notBefore: new Date(Math.min(nowMs - CLOCK_SKEW_MS, previous?.notBeforeMs ?? Number.POSITIVE_INFINITY)),
    notAfter: new Date(nowMs + lifetimeMs),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: readCertificate(certificate.toString('pem')), key: await pemOf(keys.privateKey) };
}

/**
 * A serving certificate for DNS names and IP addresses, until `notAfterMs` or the CA's end; as early as the CA, for the
 * same reason.
 */
export async function issueServing(
  { certificate, key }: Pick<Authority, 'certificate' | 'key'>,
  names: readonly string[],
  notAfterMs: number,
): Promise<Serving> {
  const ca = new X509Certificate(certificate.pem);
  const keys = await newKeys();
  const leaf = await X509CertificateGenerator.create({
    subject: 'CN=redis-ip-updater-webhook',
    issuer: ca.subjectName,
    publicKey: keys.publicKey,
    signingKey: await importKey(key),
    notBefore: new Date(certificate.notBeforeMs),
    notAfter: new Date(Math.min(notAfterMs, certificate.notAfterMs)),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      // API servers read names from here only.
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await AuthorityKeyIdentifierExtension.create(ca.publicKey),
    ],
  });
  const pair = keyPair(`${leaf.toString('pem')}\n`, await pemOf(keys.privateKey));
  return { ...pair, authority: certificate.fingerprint };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

/** By way of node's own parser: a key brought by hand may be in the older SEC 1 form. */
function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const pkcs8 = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), ALGORITHM, false, ['sign']);
}
