/** One pass over one namespace: from what the caches show to what it should have. */
import type { ProvisioningApi } from '../kubernetes/provisioning-api.ts';
import { accountsToBind } from '../provisioning/accounts.ts';
import { type Observed, type Obstacle, type Step, stepsFor } from '../provisioning/decide.ts';
import { namespaceObjects } from '../provisioning/objects.ts';
import { type Candidate, isScaledAway, scaledAway } from '../provisioning/scaled-away.ts';
import type { NamespaceView, StatefulSetView } from '../provisioning/views.ts';

/** What the caches know of a namespace. */
export type Seen = {
  namespace: NamespaceView | undefined;
  statefulSets: readonly StatefulSetView[];
  observed: Observed;
};

export type ProvisionPorts = {
  api: ProvisioningApi;
  look(namespace: string): Seen;
  imagePullSecrets: readonly string[];
  /** Throws where a namespace was written to more often than any honest change explains. */
  allowWrite(namespace: string): void;
  /** Tells the users of the namespace about an obstacle that was not told yet. */
  report(obstacle: Obstacle): Promise<void>;
  /** Told of each change. */
  say(what: string, fields: Record<string, unknown>): void;
};

/** `provisioned`: nothing is missing; `hindered`: something is, and was reported; `left`: not ours to provision. */
export type Outcome = 'provisioned' | 'hindered' | 'left';

/** Rejects with the first failure, after every step was tried. */
export async function provision(namespace: string, ports: ProvisionPorts): Promise<Outcome> {
  const { namespace: optedIn, statefulSets, observed } = ports.look(namespace);
  if (!optedIn || optedIn.terminating) return 'left';
  const wanted = namespaceObjects({
    namespace,
    serviceAccounts: accountsToBind(statefulSets, observed.roleBinding),
    imagePullSecrets: ports.imagePullSecrets,
  });
  const steps = stepsFor(wanted, observed);
  const leftovers = scaledAway(observed.configMap?.entries ?? {}, statefulSets);
  if (steps.some(({ kind }) => kind === 'apply')) ports.allowWrite(namespace);
  await inTurn([
    ...steps.map((step) => () => take(step, ports)),
    ...leftovers.map((candidate) => () => forget(namespace, candidate, ports)),
  ]);
  return steps.some(({ kind }) => kind === 'report') ? 'hindered' : 'provisioned';
}

async function take(step: Step, { api, report, say }: ProvisionPorts): Promise<void> {
  if (step.kind === 'report') return report(step);
  const { kind, metadata } = step.object;
  await api.apply(step.object, step.uid);
  say(step.uid === undefined ? 'made' : 'repaired', {
    kind,
    namespace: metadata?.namespace,
    name: metadata?.name,
  });
}

/**
 * Removes the entry of a pod that is gone for good. Between our last look and the removal the StatefulSet may be
 * scaled up again, and its pod may have found its entry in the map and gone on: then the entry is put back.
 */
async function forget(namespace: string, candidate: Candidate, { api, say }: ProvisionPorts): Promise<void> {
  const { statefulSet, ordinal, pod, id } = candidate;
  if (!isScaledAway(await api.readStatefulSet(namespace, statefulSet), ordinal)) return;
  if (await api.podExists(namespace, pod)) return;
  const resourceVersion = await api.removeEntry(namespace, candidate);
  if (resourceVersion === undefined) return;
  say('forgot a pod that its StatefulSet was scaled away from', { namespace, pod, id });
  // An entry too many is removed by a later pass; one too few would be lost for good.
  const mayBeBack = await api.podExists(namespace, pod).catch(() => true);
  if (!mayBeBack) return;
  await api.restoreEntry(namespace, candidate, resourceVersion);
  say('remembered it again: it may have come back at that moment', { namespace, pod, id });
}

/** One after another; a failed one does not keep the others from their turn. */
async function inTurn(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const task of tasks) await task().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}
