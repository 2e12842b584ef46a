import { X509Certificate } from 'node:crypto';

/** A certificate as a value. Times in ms since the epoch. */
export type Certificate = {
  pem: string;
  /** SHA-256 of its DER: what tells it from every other. */
  fingerprint: string;
  notBeforeMs: number;
  notAfterMs: number;
};

/** Reads the first certificate of a PEM text; throws if there is none. */
export function readCertificate(pem: string): Certificate {
  const parsed = new X509Certificate(pem);
  return {
    pem: parsed.toString(),
    fingerprint: parsed.fingerprint256,
    notBeforeMs: parsed.validFromDate.getTime(),
    notAfterMs: parsed.validToDate.getTime(),
  };
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Every certificate of a PEM text, each once; whatever else is in there is passed over. */
export function readBundle(pem: string): Certificate[] {
  const found = new Map<string, Certificate>();
  for (const [block] of pem.matchAll(BLOCK)) {
    try {
      const certificate = readCertificate(block);
      found.set(certificate.fingerprint, certificate);
    } catch {
      // A block that is no certificate makes nobody trust anything.
    }
  }
  return [...found.values()];
}

export function writeBundle(certificates: readonly Pick<Certificate, 'pem'>[]): string {
  return certificates.map(({ pem }) => (pem.endsWith('\n') ? pem : `${pem}\n`)).join('');
}
