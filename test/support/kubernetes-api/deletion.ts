/** DELETE: pods that run somewhere wait for their kubelet, everything else goes at once. */
import type { KubernetesObject, Pod } from './objects.ts';
import { isRecord } from './patch.ts';
import { type Resource, resources } from './resources.ts';
import { conflict, type StatusBody } from './status.ts';
import type { Store } from './store.ts';

type Options = { gracePeriodSeconds?: number; preconditions?: { uid?: string; resourceVersion?: string } };

/** Deletes or begins to delete an object, and says what the API answers. */
export function deleteObject(
  store: Store,
  resource: Resource,
  object: KubernetesObject,
  body: unknown,
  now: Date,
): KubernetesObject | StatusBody {
  const options: Options = isRecord(body) ? body : {};
  checkPreconditions(resource, object, options);
  if (resource === resources.pods) return deletePod(store, object as Pod, options, now);
  if (resource === resources.namespaces) emptyNamespace(store, object.metadata.name);
  const last = store.remove(resource, object);
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: last.metadata.name, kind: resource.plural, uid: last.metadata.uid ?? '' },
    code: 200,
  };
}

function checkPreconditions(resource: Resource, object: KubernetesObject, { preconditions }: Options): void {
  const { name, uid, resourceVersion } = object.metadata;
  const differs = (field: string, wanted: string | undefined, actual: string | undefined) => {
    if (wanted === undefined || wanted === actual) return;
    const why = `Precondition failed: ${field} in precondition: ${wanted}, ${field} in object meta: ${actual}`;
    throw conflict(resource, name, why);
  };
  differs('UID', preconditions?.uid, uid);
  differs('ResourceVersion', preconditions?.resourceVersion, resourceVersion);
}

function deletePod(store: Store, pod: Pod, options: Options, now: Date): KubernetesObject {
  const ended = ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');
  // No kubelet knows a pod without a node, and none is needed for one that has ended.
  const wanted = pod.spec.nodeName && !ended ? options.gracePeriodSeconds : 0;
  const seconds = wanted ?? pod.spec.terminationGracePeriodSeconds ?? 30;
  if (seconds === 0) return store.remove(resources.pods, pod);
  const running = pod.metadata.deletionGracePeriodSeconds;
  // A second DELETE can shorten the grace period, never prolong it.
  if (running !== undefined && running <= seconds) return pod;
  return store.put(resources.pods, {
    ...pod,
    metadata: {
      ...pod.metadata,
      deletionTimestamp: new Date(now.getTime() + seconds * 1000).toISOString().replace(/\.\d+Z/, 'Z'),
      deletionGracePeriodSeconds: seconds,
    },
  });
}

/** A real namespace is emptied in the background while it is Terminating; here at once. */
function emptyNamespace(store: Store, namespace: string): void {
  for (const resource of Object.values(resources))
    if (resource.namespaced)
      for (const object of store.list(resource, namespace)) store.remove(resource, object);
}
