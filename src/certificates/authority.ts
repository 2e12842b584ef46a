/**
 * What the Secret holds: the CA that signs, and the CAs that signed before it and are still to be trusted.
 *
 * | key | |
 * |---|---|
 * | ca.crt, ca.key | PEM; the key is PKCS #8, P-256 |
 * | retiring.json | `[{"certificate": PEM, "until": "2026-12-03T10:00:00.000Z"}]`, newest first; never their keys |
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type Certificate, readCertificate } from './certificate.ts';

export type Retiring = Certificate & {
  /** Until then API servers are to trust it: milliseconds since the epoch. */
  untilMs: number;
};

export type Authority = {
  certificate: Certificate;
  key: string;
  retiring: readonly Retiring[];
};

export type Decoded = { kind: 'authority'; authority: Authority } | { kind: 'unusable'; why: string };

/** `data` of the Secret, already out of its base64. */
export function encodeAuthority({ certificate, key, retiring }: Authority): Record<string, string> {
  const list = retiring.map(({ pem, untilMs }) => ({
    certificate: pem,
    until: new Date(untilMs).toISOString(),
  }));
  return {
    'ca.crt': certificate.pem,
    'ca.key': key,
    'retiring.json': `${JSON.stringify(list, undefined, 2)}\n`,
  };
}

/** Reads it back. Everything is checked: people edit Secrets by hand, and a wrong CA here stops the cluster's pods. */
export function decodeAuthority(data: Readonly<Record<string, string>>): Decoded {
  try {
    const cert = data['ca.crt'];
    const key = data['ca.key'];
    if (!cert || !key) return unusable(`${cert ? 'ca.key' : 'ca.crt'} is missing`);
    const why = fault(cert, key);
    if (why) return unusable(why);
    const retiring = readRetiring(data['retiring.json'] ?? '[]');
    return { kind: 'authority', authority: { certificate: readCertificate(cert), key, retiring } };
  } catch (error) {
    return unusable(error instanceof Error ? error.message : String(error));
  }
}

/** The DER of the OID 2.5.29.30: node tells of no name constraints, and a parser takes its time to load. */
const NAME_CONSTRAINTS = Buffer.from('0603551d1e', 'hex');
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

const unusable = (why: string): Decoded => ({ kind: 'unusable', why });

function fault(cert: string, key: string): string | undefined {
  const certificate = new X509Certificate(cert);
  const privateKey = createPrivateKey(key);
  if (!certificate.ca) return 'ca.crt is not the certificate of a CA';
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return 'ca.key is not a P-256 key';
  if (!certificate.checkPrivateKey(privateKey)) return 'ca.key is not the key of ca.crt';
  // API servers apply both to what it signs, which nothing here would notice.
  if (certificate.raw.includes(NAME_CONSTRAINTS)) return 'ca.crt has name constraints';
  const usages: readonly string[] | undefined = certificate.keyUsage;
  if (usages && !usages.includes(SERVER_AUTH))
    return 'ca.crt has an extended key usage without server authentication';
  return undefined;
}

function readRetiring(text: string): Retiring[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error('retiring.json is no list');
  return list.map((entry: { certificate?: unknown; until?: unknown } | null) => {
    const untilMs = Date.parse(String(entry?.until));
    if (Number.isNaN(untilMs)) throw new Error('retiring.json has an entry without a time');
    return { ...readCertificate(String(entry?.certificate)), untilMs };
  });
}
