/** The API server's certificate: made for one run, held in memory. */
import { readFileSync } from 'node:fs';
import { issueDevelopmentCertificates } from '../../../certs/dev-certs.ts';
import { removeDirectory, temporaryDirectory } from '../leave-nothing.ts';

/** PEM texts. */
export type Certificate = { ca: string; certificate: string; key: string };

/** Issues a certificate for hosts (names or IP addresses) by an authority of its own. */
export async function issueCertificate(hosts: string[]): Promise<Certificate> {
  const directory = temporaryDirectory('redis-ip-updater-api-');
  try {
    const { ca, certFile, keyFile } = await issueDevelopmentCertificates({ directory, hosts, days: 1 });
    return { ca, certificate: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  } finally {
    removeDirectory(directory);
  }
}
