import type { V1StatefulSet } from '@kubernetes/client-node';
import type { Pod } from './shapes.ts';

/** The StatefulSet that a pod says controls it. */
export type Owner = { namespace: string; name: string; uid: string };

/** What we read of a StatefulSet: its labels and annotations. */
export type StatefulSet = Pick<V1StatefulSet, 'metadata'>;

/**
 * The StatefulSet of the group apps that controls the pod, if one does. Other kinds of the same name
 * (OpenKruise has one) are not looked up, as we have no right to read them.
 */
export function controllingStatefulSet(pod: Pod, namespace: string): Owner | undefined {
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (owner?.kind !== 'StatefulSet' || !owner.apiVersion.startsWith('apps/')) return undefined;
  return { namespace, name: owner.name, uid: owner.uid };
}
