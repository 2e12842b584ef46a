import type { Authority, Retiring } from './authority.ts';
import type { Certificate } from './certificate.ts';
import { isDue, type Lifetimes, retirementMs } from './lifetimes.ts';

/**
 * What a replica sees of what all replicas share. The Secret has to be read first: a CA leaves the Secret only
 * after it left the caBundle, so what is in a later caBundle and not in the earlier Secret really is unknown.
 */
export type Shared = {
  secret:
    | { kind: 'absent' }
    | { kind: 'unusable'; why: string }
    | { kind: 'authority'; authority: Authority; rotationAsked: boolean };
  /** What the caBundle of our webhook holds; undefined while there is no such webhook. */
  trusted: readonly Certificate[] | undefined;
};

/** Why there has to be a new CA. */
export type Occasion =
  | { reason: 'created' | 'deleted' | 'due' | 'asked' }
  | { reason: 'unusable'; why: string };

/** The next change to what all replicas share: each brings it nearer to rest, whoever makes it. */
export type Step =
  | {
      kind: 'new-authority';
      occasion: Occasion;
      /** The CA that it follows, if it is known. */
      previous: Certificate | undefined;
      retiring: Retiring[];
    }
  | { kind: 'change-retiring'; authority: Authority }
  | { kind: 'write-bundle'; certificates: Certificate[] }
  | { kind: 'rest' };

/**
 * Far more than rotations can overlap. Only somebody who deletes the Secret again and again gets there; then the
 * oldest are dropped, which no replica serves any more: out of the caBundle first, or they would come back as
 * unknown ones.
 */
export const RETIRING_MAX = 16;

/**
 * The rule of the shared state. A CA is added to the Secret, then to the caBundle, and only then signs (see
 * serving.ts). It leaves in the other order, when its time is over. Nothing leaves the caBundle unless the Secret
 * says when: a CA that we find there and do not know (of a Secret that was deleted, of a former PKI) may be what
 * somebody serves right now, so it is made to retire like one of ours.
 */
export function nextStep({ secret, trusted = [] }: Shared, lifetimes: Lifetimes, nowMs: number): Step {
  const untilMs = nowMs + retirementMs(lifetimes);
  const retire = (certificate: Certificate): Retiring => ({ ...certificate, untilMs });
  const known = secret.kind === 'authority' ? secret.authority : undefined;
  const strangers = unknownOf(trusted, known).filter(({ notAfterMs }) => notAfterMs > nowMs);

  const occasion = occasionFor(secret, strangers, lifetimes, nowMs);
  const previous = occasion ? known?.certificate : undefined;
  const isTrusted = fingerprintsOf(trusted);
  const before = known?.retiring ?? [];
  const kept = before.filter((old) => isCurrent(old, nowMs) || isTrusted.has(old.fingerprint));
  const all = [...(previous ? [previous] : []), ...strangers].map(retire).concat(kept);
  const retiring = all.slice(0, RETIRING_MAX);

  const tooMany = fingerprintsOf(all.slice(RETIRING_MAX));
  const certificates = trusted.filter(({ fingerprint }) => !tooMany.has(fingerprint));
  if (certificates.length < trusted.length) return { kind: 'write-bundle', certificates };
  if (occasion) return { kind: 'new-authority', occasion, previous, retiring };
  if (!known) return { kind: 'rest' };
  if (strangers.length > 0 || retiring.length < before.length) {
    return { kind: 'change-retiring', authority: { ...known, retiring } };
  }

  const wanted = [known.certificate, ...known.retiring.filter((old) => isCurrent(old, nowMs))];
  return isSame(wanted, trusted) ? { kind: 'rest' } : { kind: 'write-bundle', certificates: wanted };
}

function occasionFor(
  secret: Shared['secret'],
  strangers: readonly Certificate[],
  { caMs }: Lifetimes,
  nowMs: number,
): Occasion | undefined {
  if (secret.kind === 'absent') return { reason: strangers.length > 0 ? 'deleted' : 'created' };
  if (secret.kind === 'unusable') return { reason: 'unusable', why: secret.why };
  if (secret.rotationAsked) return { reason: 'asked' };
  return isDue(secret.authority.certificate, caMs, nowMs) ? { reason: 'due' } : undefined;
}

const isCurrent = ({ untilMs, notAfterMs }: Retiring, nowMs: number) => nowMs < untilMs && nowMs < notAfterMs;

const fingerprintsOf = (certificates: readonly Certificate[]) =>
  new Set(certificates.map(({ fingerprint }) => fingerprint));

function unknownOf(trusted: readonly Certificate[], known: Authority | undefined): Certificate[] {
  const ours = fingerprintsOf(known ? [known.certificate, ...known.retiring] : []);
  return trusted.filter(({ fingerprint }) => !ours.has(fingerprint));
}

/** In any order: a person may have sorted them. */
function isSame(wanted: readonly Certificate[], trusted: readonly Certificate[]): boolean {
  const there = fingerprintsOf(trusted);
  const asked = fingerprintsOf(wanted);
  return there.size === asked.size && [...asked].every((fingerprint) => there.has(fingerprint));
}
