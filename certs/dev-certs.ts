/**
 * Makes certificates for development: a CA of its own each time, and a serving certificate signed by it.
 *
 *     npm run dev-certs -- DIRECTORY HOST...
 *
 * writes ca.crt (the caBundle of a webhook configuration), tls.crt and tls.key for those DNS names and IPs.
 * For production there are cert-manager and the webhook's own certificates; the CA's key is thrown away here.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 24 * 60 * 60 * 1000;
/** Clocks of the machines that check the certificate may be behind ours. */
const CLOCK_SKEW_MS = 60 * 60 * 1000;

export type DevelopmentCertificates = {
  /** PEM; what a client has to trust, as in a caBundle. */
  ca: string;
  caFile: string;
  certFile: string;
  keyFile: string;
};

export type DevelopmentCertificateOptions = {
  /** Made if it is not there; files of an earlier run are replaced. */
  directory: string;
  /** DNS names and IP addresses. */
  hosts: string[];
  /** From now on; 30 unless told. */
  days?: number;
};

/** Issues a CA and a serving certificate, and writes ca.crt, tls.crt and tls.key. */
export async function issueDevelopmentCertificates(
  options: DevelopmentCertificateOptions,
): Promise<DevelopmentCertificates> {
  const { directory, hosts, days = 30 } = options;
  const issued = await issue(hosts, days, Date.now());
  const file = (name: string) => join(directory, name);
  await mkdir(directory, { recursive: true });
  await replace(file('ca.crt'), issued.ca, 0o644);
  await replace(file('tls.key'), issued.key, 0o600);
  await replace(file('tls.crt'), issued.cert, 0o644);
  return { ca: issued.ca, caFile: file('ca.crt'), certFile: file('tls.crt'), keyFile: file('tls.key') };
}

async function issue(hosts: string[], days: number, nowMs: number) {
  const notBefore = new Date(nowMs - CLOCK_SKEW_MS);
  const notAfter = new Date(nowMs + days * DAY_MS);
  const caKeys = await newKeys();
  const ca = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=redis-ip-updater development CA',
    keys: caKeys,
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const keys = await newKeys();
  const names = hosts.map((host) => ({ type: isIP(host) ? ('ip' as const) : ('dns' as const), value: host }));
  const leaf = await X509CertificateGenerator.create({
    subject: 'CN=redis-ip-updater-webhook',
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      // API servers read names from here only.
      new SubjectAlternativeNameExtension(names),
    ],
  });
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { ca: `${ca.toString('pem')}\n`, cert: `${leaf.toString('pem')}\n`, key: `${key}\n` };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

/** By rename, so that a webhook that reloads the directory never reads half a file. */
async function replace(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}

if (import.meta.main) {
  const [directory, ...hosts] = process.argv.slice(2);
  if (!directory || hosts.length === 0) {
    process.stderr.write('usage: npm run dev-certs -- DIRECTORY HOST...\n');
    process.exit(64);
  }
  const { caFile, certFile, keyFile } = await issueDevelopmentCertificates({ directory, hosts });
  process.stdout.write(`${caFile}\n${certFile}\n${keyFile}\n`);
}
