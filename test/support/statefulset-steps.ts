/** What a StatefulSet needs next, given the pods there are: pure, and called again after every change. */
import { createHash } from 'node:crypto';
import type { Pod, StatefulSet, Volume } from './kubernetes-api/objects.ts';

export type Step = { kind: 'create'; pod: string } | { kind: 'delete'; pod: string; uid: string };

const REVISION_LABEL = 'controller-revision-hash';

/** The steps to take now; none when all is as wanted, or when something has to be waited for. */
export function nextSteps(set: StatefulSet, allPods: readonly Pod[]): Step[] {
  const { replicas = 1, podManagementPolicy = 'OrderedReady' } = set.spec;
  const own = allPods.filter(({ metadata }) =>
    metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === set.metadata.uid),
  );
  const byName = new Map(own.map((pod) => [pod.metadata.name, pod]));
  const wanted = Array.from({ length: replicas }, (_, ordinal) => `${set.metadata.name}-${ordinal}`);
  const surplus = own
    .filter((pod) => !wanted.includes(pod.metadata.name) && !pod.metadata.deletionTimestamp)
    .sort((a, b) => ordinalOf(b) - ordinalOf(a));
  const toDelete = surplus.map(deletion);
  if (podManagementPolicy === 'Parallel') {
    const missing = wanted.filter((pod) => !byName.has(pod)).map((pod): Step => ({ kind: 'create', pod }));
    const steps = [...missing, ...toDelete];
    return steps.length > 0 ? steps : outdated(set, wanted, byName);
  }
  // In order: each pod must be there, ready and staying before the next is touched.
  const first = wanted.find((pod) => !isSettled(byName.get(pod)));
  if (first) return byName.has(first) ? [] : [{ kind: 'create', pod: first }];
  return toDelete.length > 0 ? toDelete.slice(0, 1) : outdated(set, wanted, byName);
}

/** A rolling update: the highest pod of an older template, once all others are ready. */
function outdated(set: StatefulSet, wanted: string[], byName: Map<string, Pod>): Step[] {
  if (!wanted.every((pod) => isSettled(byName.get(pod)))) return [];
  const revision = revisionOf(set);
  const old = wanted
    .map((pod) => byName.get(pod))
    .filter((pod) => pod !== undefined && pod.metadata.labels?.[REVISION_LABEL] !== revision);
  return old.slice(-1).map((pod) => deletion(pod as Pod));
}

const deletion = ({ metadata: { name, uid = '' } }: Pod): Step => ({ kind: 'delete', pod: name, uid });

const isSettled = (pod: Pod | undefined) =>
  pod !== undefined && isReady(pod) && !pod.metadata.deletionTimestamp;

/** Whether a pod says that it is ready. */
export function isReady(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
}

const ordinalOf = ({ metadata }: Pod) => Number(metadata.name.slice(metadata.name.lastIndexOf('-') + 1));

/** The pod that a StatefulSet makes under a name. */
export function podOf(set: StatefulSet, name: string): Pod {
  const { template, volumeClaimTemplates = [] } = set.spec;
  const claims = volumeClaimTemplates.map(
    ({ metadata }): Volume => ({
      name: metadata.name,
      persistentVolumeClaim: { claimName: `${metadata.name}-${name}` },
    }),
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(set.metadata.namespace && { namespace: set.metadata.namespace }),
      labels: {
        ...template.metadata?.labels,
        'statefulset.kubernetes.io/pod-name': name,
        'apps.kubernetes.io/pod-index': name.slice(name.lastIndexOf('-') + 1),
        [REVISION_LABEL]: revisionOf(set),
      },
      ...(template.metadata?.annotations && { annotations: template.metadata.annotations }),
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'StatefulSet',
          name: set.metadata.name,
          uid: set.metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...claims] },
  };
}

/** Changes with the pod template, and with nothing else. */
export function revisionOf(set: StatefulSet): string {
  const digest = createHash('sha256').update(JSON.stringify(set.spec.template)).digest('hex').slice(0, 10);
  return `${set.metadata.name}-${digest}`;
}
