import type { CoreV1Api, V1LimitRange } from '@kubernetes/client-node';
import { apiFailure } from './api-failure.ts';

/** All LimitRanges of a namespace; usually none or one. Rejects with a Failure if the API does not answer. */
export async function listLimitRanges(
  api: Pick<CoreV1Api, 'listNamespacedLimitRange'>,
  namespace: string,
): Promise<V1LimitRange[]> {
  try {
    return (await api.listNamespacedLimitRange({ namespace })).items;
  } catch (error) {
    throw apiFailure(error, `list the LimitRanges of namespace ${namespace}`);
  }
}
