import { setTimeout as delay } from 'node:timers/promises';
import { exitCodes, Failure } from '../errors.ts';
import { decodeAuthority, encodeAuthority } from './authority.ts';
import { readBundle, writeBundle } from './certificate.ts';
import { invalidity } from './key-pair.ts';
import type { Lifetimes } from './lifetimes.ts';
import { nextStep, type Occasion, type Shared, type Step } from './plan.ts';
import type { CertificateApi, SeenConfiguration, SeenSecret } from './port.ts';
import { type Serving, shouldIssue } from './serving.ts';
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
  let trusted: ReadonlySet<string> | undefined;
  let problem = 'the certificate has not been made yet';
  let aheadMs = 0;
  let since: { authority: string; ms: number } | undefined;
  const stopping = new AbortController();
  let wake = () => {};
  let woken = false;

  async function pass(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const secret = await api.readSecret();
      const configuration = await api.readConfiguration();
      aheadMs = secret.atMs - now();
      const shared = view(secret, configuration);
      observe(shared);
      await serve(shared, secret.atMs);
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

  /** Remembers what readiness and the metric tell, and how long the present CA has been trusted. */
  function observe({ secret, trusted: certificates }: Shared): void {
    trusted = certificates && new Set(certificates.map(({ fingerprint }) => fingerprint));
    const present = secret.kind === 'authority' ? secret.authority.certificate.fingerprint : undefined;
    if (present === undefined || !trusted?.has(present)) since = undefined;
    else if (since?.authority !== present) since = { authority: present, ms: elapsed() };
  }

  async function serve({ secret }: Shared, nowMs: number): Promise<void> {
    if (secret.kind !== 'authority') return;
    const { authority } = secret;
    const trustedForMs = since && elapsed() - since.ms;
    const see = { serving, authority, trusted: trusted ?? new Set<string>(), trustedForMs };
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
    const isWaiting = serving && since && serving.authority !== since.authority;
    const retryMs = failures > 0 ? FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10) : checkMs;
    const ms = Math.min(checkMs, retryMs, isWaiting ? lifetimes.settleMs : checkMs);
    // A failure has its own pace, or an object that is changed back again and again would keep us busy.
    if (woken && failures === 0) return;
    const waking = new AbortController();
    wake = failures === 0 ? () => waking.abort() : () => {};
    const signal = AbortSignal.any([waking.signal, stopping.signal]);
    await delay(ms, undefined, { signal, ref: false }).catch(() => {});
  }

  const follower = api.follow(() => {
    woken = true;
    wake();
  });
  const life = live();

  const isMatching = () => serving !== undefined && trusted?.has(serving.authority) === true;
  return {
    current: () => serving,
    unready: () => {
      if (!serving) return [problem];
      const reasons = [invalidity(serving, now() + aheadMs)];
      if (!trusted) reasons.push('there is no webhook configuration to write the caBundle into');
      else if (!isMatching()) reasons.push(`the caBundle does not hold our CA${problem && `: ${problem}`}`);
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

function view(secret: SeenSecret, configuration: SeenConfiguration): Shared {
  const trusted = configuration.kind === 'webhook' ? readBundle(configuration.caBundle) : undefined;
  if (secret.kind === 'absent') return { secret: { kind: 'absent' }, trusted };
  const decoded = decodeAuthority(secret.data);
  if (decoded.kind === 'unusable') return { secret: decoded, trusted };
  return { secret: { ...decoded, rotationAsked: secret.rotationAsked }, trusted };
}
