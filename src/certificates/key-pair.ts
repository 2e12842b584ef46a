import { createSecureContext } from 'node:tls';
import { readCertificate } from './certificate.ts';

/** A certificate chain and its private key, both PEM, known to belong together. Times in ms since the epoch. */
export type KeyPair = { cert: string; key: string; notBeforeMs: number; notAfterMs: number };

/** Throws on garbled PEM, and on a key that is not the certificate's. Expiry is not judged. */
export function keyPair(cert: string, key: string): KeyPair {
  createSecureContext({ cert, key });
  const { notBeforeMs, notAfterMs } = readCertificate(cert);
  return { cert, key, notBeforeMs, notAfterMs };
}

/** Why a pair cannot be used at `nowMs`, if so. */
export function invalidity(
  { notBeforeMs, notAfterMs }: Pick<KeyPair, 'notBeforeMs' | 'notAfterMs'>,
  nowMs: number,
): string | undefined {
  if (nowMs < notBeforeMs) return 'the certificate is not valid yet';
  if (nowMs > notAfterMs) return 'the certificate has expired';
  return undefined;
}
