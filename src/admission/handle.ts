import { Failure } from '../errors.ts';
import { decide, triage } from './decide.ts';
import type { Updater } from './init-container.ts';
import { forbiddingLimitRange, type LimitRange } from './limit-range.ts';
import type { Owner, StatefulSet } from './owner.ts';
import { patchFor } from './patch.ts';
import { isObjection } from './reasons.ts';
import { injected, type Outcome, reviewResponse, settled } from './respond.ts';
import { type AdmissionRequest, decodeReview } from './review.ts';

/** What has to be asked of the Kubernetes API. A Failure says why it could not answer. */
export type AdmissionPorts = {
  /** The StatefulSet with that very uid, or undefined if there is none. */
  findStatefulSet(owner: Owner): Promise<StatefulSet | undefined>;
  listLimitRanges(namespace: string): Promise<readonly LimitRange[]>;
};

export type Answer =
  | { kind: 'unreadable'; sentence: string }
  | { kind: 'answered'; request: AdmissionRequest; outcome: Outcome; response: object; error?: unknown };

/**
 * A parsed request body in, the answer out. Never rejects: what a port or we ourselves throw denies the pod,
 * which its controller will create again, with the error beside it for the log.
 */
export async function handle(body: unknown, ports: AdmissionPorts, updater: Updater): Promise<Answer> {
  const request = decodeReview(body);
  if (request.kind === 'unreadable') return request;
  try {
    return answer(request, await admit(request, ports, updater));
  } catch (error) {
    return { ...answer(request, failed(error)), error };
  }
}

async function admit(
  { pod, namespace }: AdmissionRequest,
  ports: AdmissionPorts,
  updater: Updater,
): Promise<Outcome> {
  const owner = triage(pod, namespace);
  if (isObjection(owner)) return settled(owner);
  const plan = decide(pod, await ports.findStatefulSet(owner), updater);
  if (isObjection(plan)) return settled(plan);
  const forbidden = plan.raised && forbiddingLimitRange(await ports.listLimitRanges(namespace));
  if (forbidden) return settled(forbidden);
  return injected(plan.container, plan.path, patchFor(pod, plan.injection), plan.remarks);
}

function answer(request: AdmissionRequest, outcome: Outcome): Extract<Answer, { kind: 'answered' }> {
  return { kind: 'answered', request, outcome, response: reviewResponse(request, outcome) };
}

function failed(error: unknown): Outcome {
  return error instanceof Failure
    ? settled({ reason: 'lookup-failed', why: error.message })
    : settled({ reason: 'internal-error' });
}
