import type { Authority } from './authority.ts';
import { invalidity, type KeyPair } from './key-pair.ts';
import { isDue, type Lifetimes } from './lifetimes.ts';

/** A replica's own pair, and the fingerprint of the CA that signed it. */
export type Serving = KeyPair & { authority: string };

export type View = {
  serving: Serving | undefined;
  authority: Authority;
  /** Fingerprints of the CAs in the caBundle. */
  trusted: ReadonlySet<string>;
  /** Milliseconds for which that CA is known to have been in the caBundle; undefined while it is not there. */
  trustedForMs: number | undefined;
};

/**
 * Whether to sign a new serving certificate now. While the one that is served is good, a CA has to be known
 * everywhere before anything of it is shown: we see the caBundle change before the last API server does. Where
 * the one that is served is not good, anything is better.
 */
export function shouldIssue(view: View, { servingMs, settleMs }: Lifetimes, nowMs: number): boolean {
  const { serving, authority, trusted, trustedForMs } = view;
  if (!serving) return true;
  const isOfPresentCa = serving.authority === authority.certificate.fingerprint;
  if (isOfPresentCa) return isDue(serving, servingMs, nowMs);
  const isGood = trusted.has(serving.authority) && invalidity(serving, nowMs) === undefined;
  return !isGood || isSettled(trustedForMs, settleMs);
}

/**
 * Whether a replica that just started is to wait: an API server that lags may know other CAs of the caBundle only,
 * which other replicas serve. Where ours is the only one, nobody else can be asked instead.
 */
export function isTooNew(
  { trusted, trustedForMs }: Pick<View, 'trusted' | 'trustedForMs'>,
  { settleMs }: Lifetimes,
): boolean {
  return trusted.size > 1 && !isSettled(trustedForMs, settleMs);
}

const isSettled = (trustedForMs: number | undefined, settleMs: number) =>
  trustedForMs !== undefined && trustedForMs >= settleMs;
