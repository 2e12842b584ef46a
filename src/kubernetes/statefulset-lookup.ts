import { AppsV1Api, type V1StatefulSet } from '@kubernetes/client-node';
import { INJECT_LABEL } from '../names.ts';
import { apiFailure, isNotFound } from './api-failure.ts';
import type { PooledKubeConfig } from './client.ts';
import { type InformerOptions, type LastingInformer, startInformer } from './lasting-informer.ts';

/** Whose pod it is, as the pod's ownerReference says. */
export type StatefulSetRef = { namespace: string; name: string; uid: string };

const LABELLED = `${INJECT_LABEL}=true`;

/** Follows the labelled StatefulSets of all namespaces: few, in most clusters. */
export function followLabelledStatefulSets(
  config: PooledKubeConfig,
  options: Pick<InformerOptions<V1StatefulSet>, 'onError' | 'now' | 'random'>,
): LastingInformer<V1StatefulSet> {
  const api = config.makeApiClient(AppsV1Api);
  return startInformer<V1StatefulSet>({
    ...options,
    config,
    path: '/apis/apps/v1/statefulsets',
    labelSelector: LABELLED,
    list: () => api.listStatefulSetForAllNamespaces({ labelSelector: LABELLED }),
  });
}

/**
 * The StatefulSet with that uid, or undefined if it is gone (another one of its name does not count).
 * Only a labelled one is taken from the cache. Everything else is confirmed by a GET, because a label and the
 * restart of all pods may have come in one `kubectl apply`, before the watch brought the label.
 * Rejects with a Failure if the API does not answer.
 */
export async function findStatefulSet(
  cache: Pick<LastingInformer<V1StatefulSet>, 'get'>,
  api: Pick<AppsV1Api, 'readNamespacedStatefulSet'>,
  { namespace, name, uid }: StatefulSetRef,
): Promise<V1StatefulSet | undefined> {
  const cached = cache.get(name, namespace);
  if (cached?.metadata?.uid === uid && cached.metadata.labels?.[INJECT_LABEL] === 'true') return cached;
  try {
    const current = await api.readNamespacedStatefulSet({ name, namespace });
    return current.metadata?.uid === uid ? current : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw apiFailure(error, `read the StatefulSet ${namespace}/${name}`);
  }
}
