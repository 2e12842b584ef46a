/**
 * Asks the API until it answers or the deadline has passed. A pod starts early in the life of everything it
 * needs (its RBAC binding, its network, the ConfigMap), so every refusal may be gone a moment later.
 */
import { exitCodes, Failure } from '../errors.ts';
import { ApiError } from '../kubernetes/namespace-api.ts';
import { NODES_CONFIG_MAP, SERVICE_ACCOUNT } from '../names.ts';
import type { Log } from './log.ts';

export type Patience = {
  /** Milliseconds on the clock of `now`. */
  deadlineAt: number;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
  /** From 0 to 1. */
  random: () => number;
  log: Log;
};

const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 5_000;
/** A server that asks for more gets this much: a redis is waiting. */
const RETRY_AFTER_AT_MOST_MS = 30_000;
/** With less time than this before the deadline an attempt is not made: it could only say that it had none. */
const ATTEMPT_AT_LEAST_MS = 1_000;
const LOG_EVERY_MS = 10_000;

/**
 * The first success of `attempt`.
 * @throws Failure 77 if the API said no to the last attempt, 69 if it did not serve it.
 */
export async function persist<Value>(attempt: () => Promise<Value>, patience: Patience): Promise<Value> {
  let loggedAt = Number.NEGATIVE_INFINITY;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const delay = delayMs(error, tries, patience.random());
      const now = patience.now();
      if (now + delay + ATTEMPT_AT_LEAST_MS > patience.deadlineAt) throw givenUp(error);
      if (now - loggedAt >= LOG_EVERY_MS) {
        patience.log('warn', 'the Kubernetes API did not serve us, trying again', { error: error.message });
        loggedAt = now;
      }
      await patience.sleep(delay);
    }
  }
}

/** Waits until `isTrue`, asking often at first. @throws Failure 69 at the deadline. */
export async function waitUntil(
  isTrue: () => Promise<boolean>,
  what: string,
  patience: Patience,
): Promise<void> {
  for (let tries = 0; !(await persist(isTrue, patience)); tries += 1) {
    const delay = backoffMs(tries, 50, 1_000, patience.random());
    if (patience.now() + delay >= patience.deadlineAt) throw new Failure(exitCodes.unavailable, what);
    await patience.sleep(delay);
  }
}

/**
 * Jittered, so that the pods of a restarted cluster do not come back in step: also where the server asks all of
 * them for the same second, or for none.
 */
function delayMs({ retryAfterSeconds = 0 }: ApiError, tries: number, random: number): number {
  const asked = Math.min(retryAfterSeconds * 1000, RETRY_AFTER_AT_MOST_MS);
  return asked + backoffMs(tries, FIRST_DELAY_MS, LAST_DELAY_MS, random);
}

function backoffMs(tries: number, first: number, last: number, random: number): number {
  return Math.min(last, first * 2 ** Math.min(tries, 16)) * (0.5 + random / 2);
}

function givenUp(cause: ApiError): Failure {
  const { status, message } = cause;
  const code = status === 401 || status === 403 ? exitCodes.forbidden : exitCodes.unavailable;
  return new Failure(code, `nodes.conf could not be brought up to date: ${message}: ${likelyCauses(cause)}`, {
    cause,
  });
}

function likelyCauses({ status, resource, isForeign }: ApiError): string {
  if (isForeign)
    return "what answers is not this cluster's API server: check for a proxy or a service mesh in between, and whether the pod's ca.crt is that of the cluster.";
  if (status === 401)
    return "the API server does not accept the pod's token: check the clock of the node and the service account.";
  if (status === 403) {
    return `the pod's service account may not do this: check that the RoleBinding ${SERVICE_ACCOUNT} in this namespace names it (the webhook keeps it up to date while it runs).`;
  }
  if (status === 404 && resource === 'configmaps') {
    return `the ConfigMap ${NODES_CONFIG_MAP} is missing in this namespace: the webhook makes it while the namespace has the label, so check that it runs.`;
  }
  if (status === 422 && resource === 'configmaps') {
    return `the ConfigMap ${NODES_CONFIG_MAP} takes no entry: if it is immutable, delete it (the webhook makes it anew, and every pod records itself at its next start); if it is full, take out what is no entry.`;
  }
  return 'likely causes are a network policy that denies egress to the API server, a service mesh whose proxy is not up before init containers, or an API server that is down or overloaded.';
}
