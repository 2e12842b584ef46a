import { setTimeout as delay } from 'node:timers/promises';
import { exitCodes, Failure } from '../errors.ts';
import { decodeAuthority, encodeAuthority } from './authority.ts';
import { type Certificate, readBundle, writeBundle } from './certificate.ts';
import { invalidity } from './key-pair.ts';
import type { Lifetimes } from './lifetimes.ts';
import { nextStep, type Occasion, type Shared, type Step } from './plan.ts';
import type { CertificateApi, SeenConfiguration, SeenSecret } from './port.ts';
import { isTooNew, type Serving, shouldIssue } from './serving.ts';
import type { CertificateSource, OnPair } from './source.ts';

/** More than a pass needs (three), with other replicas winning some of the writes. */
const ROUNDS_MAX = 20;
/** The first attempt after a failure comes this soon, whatever the time between checks. */
const FIRST_RETRY_MS = 1_000;

export type SelfManagedOptions = {
  api: CertificateApi;
  /** DNS names of the Service. */
  names: readonly string[];
  lifetimes: Lifetimes;
  /** Time between two looks at the clock, the Secret and the caBundle; changes that are seen come at once. */
  checkMs: number;
  onPair: OnPair;
  /** Told of each CA that this replica made. */
  onNewAuthority(occasion: Occasion): void;
  onFailure(error: unknown): void;
  /** Milliseconds since the epoch, of this machine. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  elapsed(): number;
};

/**
 * A source that needs nobody: a CA that all replicas share in a Secret, serving certificates that each replica
 * signs for itself and keeps in memory, and the caBundle.
 *
 * Each pass reads the Secret, then the caBundle, and does the one next thing, until nothing is left to do. All
 * writes are conditional on what was read, so it does not matter how many replicas are at it.
 * Two rules keep the handshakes good, wherever a replica is interrupted:
 * - A serving certificate is signed with what the Secret said in this pass, and its end is counted from the time
 *   of that reading. So a replica that has been cut off, or suspended in between, shows nothing that a retired
 *   CA's time in the caBundle does not cover.
 * - The time is that of the API server's answer: it is the one that checks our certificate, so its clock counts.
 */
export function startSelfManagedSource(options: SelfManagedOptions): CertificateSource {
  const { api, names, lifetimes, checkMs, onPair, now, elapsed } = options;
  let serving: Serving | undefined;
  /** The CAs of the caBundle as last seen, and since when each has been there as far as known, by `elapsed`. */
  let trusted: ReadonlyMap<string, number> | undefined;
  /** The CA of the Secret as last seen. */
  let present: string | undefined;
  /** Whether a CA of ours has ever been trusted for long enough: after that, readiness waits for no new one. */
  let hasSettled = false;
  let problem = '';
  let aheadMs = 0;
  const stopping = new AbortController();
  let wake = () => {};
  let woken = false;

  async function pass(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const secret = await api.readSecret();
      aheadMs = secret.atMs - now();
      const decoded = decode(secret);
      const configuration = await api.readConfiguration().catch(async (error: unknown) => {
        // What is served must not run out meanwhile: the Secret suffices to renew it.
        await serve(decoded, secret.atMs);
        throw error;
      });
      const certificates = configuration.kind === 'webhook' ? readBundle(configuration.caBundle) : undefined;
      const shared: Shared = { secret: decoded, trusted: certificates };
      observe(certificates, configuration.kind === 'webhook' ? configuration.unchangedForMs : 0);
      await serve(decoded, secret.atMs);
      const step = nextStep(shared, lifetimes, secret.atMs);
      if (step.kind === 'rest') return;
      // Without the webhook there is no caBundle to write: its coming wakes us.
      if (step.kind === 'write-bundle' && configuration.kind !== 'webhook') return;
      await perform(step, secret, configuration);
    }
    throw new Failure(
      exitCodes.unavailable,
      'the CA did not come to rest: its Secret or the webhook configuration refuses each change, or is changed back again and again',
    );
  }

  /** Remembers what readiness and the metric tell, and how long each CA has been trusted. */
  function observe(certificates: readonly Certificate[] | undefined, unchangedForMs: number): void {
    hasSettled ||= isMatching() && !isWaitingToBeKnown();
    const before = trusted;
    const sinceMs = elapsed() - unchangedForMs;
    trusted =
      certificates &&
      new Map(certificates.map(({ fingerprint }) => [fingerprint, before?.get(fingerprint) ?? sinceMs]));
  }

  function trustedForMs(authority: string): number | undefined {
    const sinceMs = trusted?.get(authority);
    return sinceMs === undefined ? undefined : elapsed() - sinceMs;
  }

  async function serve(secret: Shared['secret'], nowMs: number): Promise<void> {
    present = secret.kind === 'authority' ? secret.authority.certificate.fingerprint : undefined;
    if (secret.kind !== 'authority') return;
    const { authority } = secret;
    const { fingerprint } = authority.certificate;
    const see = { serving, authority, trusted: fingerprints(), trustedForMs: trustedForMs(fingerprint) };
    if (!shouldIssue(see, lifetimes, nowMs)) return;
    const { issueServing } = await import('./issue.ts');
    serving = await issueServing(authority, names, nowMs + lifetimes.servingMs);
    onPair(serving);
  }

  async function perform(step: Step, secret: SeenSecret, configuration: SeenConfiguration): Promise<void> {
    if (step.kind === 'change-retiring') {
      await api.writeSecret(encodeAuthority(step.authority), secret);
    } else if (step.kind === 'write-bundle' && configuration.kind === 'webhook') {
      await api.writeCaBundle(writeBundle(step.certificates), configuration);
    } else if (step.kind === 'new-authority') {
      const { issueAuthority } = await import('./issue.ts');
      const made = await issueAuthority(lifetimes.caMs, secret.atMs, step.previous);
      const isFirst = await api.writeSecret(encodeAuthority({ ...made, retiring: step.retiring }), secret);
      if (!isFirst) return;
      options.onNewAuthority(step.occasion);
      // The CA is made: whether its story is told must not stop it from being used.
      await api.tell(step.occasion, made.certificate, new Date(secret.atMs)).catch(options.onFailure);
    }
  }

  async function live(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      woken = false;
      try {
        await pass();
        problem = '';
        failures = 0;
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
        failures += 1;
        options.onFailure(error);
      }
      await rest(failures);
    }
  }

  /** Until the next look is due, somebody wakes us, or we are stopped. */
  async function rest(failures: number): Promise<void> {
    const isWaiting = serving && present && trusted?.has(present) && serving.authority !== present;
    const retryMs = failures > 0 ? FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10) : checkMs;
    const ms = Math.min(checkMs, retryMs, isWaiting ? lifetimes.settleMs : checkMs);
    // A failure has its own pace, or an object that is changed back again and again would keep us busy.
    if (woken && failures === 0) return;
    const waking = new AbortController();
    wake = failures === 0 ? () => waking.abort() : () => {};
    const signal = AbortSignal.any([waking.signal, stopping.signal]);
    await delay(ms, undefined, { signal, ref: false }).catch(() => {});
  }

  const fingerprints = () => new Set(trusted?.keys());
  const isMatching = () => serving !== undefined && trusted?.has(serving.authority) === true;
  /** Only at the start: were those that are ready to wait, too, nobody would be left to ask. */
  const isWaitingToBeKnown = () =>
    !hasSettled &&
    serving !== undefined &&
    isTooNew({ trusted: fingerprints(), trustedForMs: trustedForMs(serving.authority) }, lifetimes);

  const follower = api.follow(() => {
    woken = true;
    wake();
  });
  const life = live();

  return {
    current: () => serving,
    unready: () => {
      if (!serving) return [problem || 'the certificate has not been made yet'];
      const reasons = [invalidity(serving, now() + aheadMs)];
      if (!trusted) reasons.push(problem || 'there is no webhook configuration to write the caBundle into');
      else if (!isMatching()) reasons.push(`the caBundle does not hold our CA${problem && `: ${problem}`}`);
      else if (isWaitingToBeKnown())
        reasons.push('our CA is so new in the caBundle that some API server may not know it yet');
      return reasons.filter((reason) => reason !== undefined);
    },
    caBundleMatches: isMatching,
    stop: async () => {
      stopping.abort();
      await follower.stop();
      await life;
    },
  };
}

function decode(secret: SeenSecret): Shared['secret'] {
  if (secret.kind === 'absent') return { kind: 'absent' };
  const decoded = decodeAuthority(secret.data);
  return decoded.kind === 'unusable' ? decoded : { ...decoded, rotationAsked: secret.rotationAsked };
}
