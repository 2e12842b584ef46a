/**
 * Makes certificates for development: a CA of its own each time, and a serving certificate signed by it.
 *
 *     npm run dev-certs -- DIRECTORY HOST...
 *
 * writes ca.crt (the caBundle of a webhook configuration), tls.crt and tls.key for those DNS names and IPs.
 * For production there are cert-manager and the webhook's own certificates; the CA's key is thrown away here.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issueAuthority, issueServing } from '../src/certificates/issue.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

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
  const nowMs = Date.now();
  const authority = await issueAuthority(days * DAY_MS, nowMs);
  const { cert, key } = await issueServing(authority, hosts, nowMs + days * DAY_MS);
  const ca = authority.certificate.pem;
  const file = (name: string) => join(directory, name);
  await mkdir(directory, { recursive: true });
  await replace(file('ca.crt'), ca, 0o644);
  await replace(file('tls.key'), key, 0o600);
  await replace(file('tls.crt'), cert, 0o644);
  return { ca, caFile: file('ca.crt'), certFile: file('tls.crt'), keyFile: file('tls.key') };
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
