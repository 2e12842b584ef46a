import type { V1LimitRange } from '@kubernetes/client-node';
import { parseQuantity } from './quantity.ts';
import type { Objection } from './reasons.ts';
import { minimumBytes, UPDATER_MEMORY_MINIMUM } from './resources.ts';

export type LimitRange = Pick<V1LimitRange, 'metadata' | 'spec'>;

/**
 * The first LimitRange that forbids memory as high as the updater's minimum, for a container or a whole pod.
 * Asked only where we raise memory: otherwise the updater has what redis has, and redis itself was allowed.
 *
 * maxLimitRequestRatio needs no check: raising brings a limit to the minimum only together with its request
 * (the API server gives every limit a request before it calls us), so the ratio can only fall.
 */
export function forbiddingLimitRange(limitRanges: readonly LimitRange[]): Objection | undefined {
  for (const { metadata, spec } of limitRanges) {
    for (const { type, max } of spec?.limits ?? []) {
      const maximum = max?.memory;
      const bytes = maximum === undefined ? undefined : parseQuantity(maximum);
      if (maximum === undefined || bytes === undefined || bytes >= minimumBytes()) continue;
      if (type !== 'Container' && type !== 'Pod') continue;
      const limitRange = metadata?.name ?? '';
      return { reason: 'limit-range', limitRange, type, maximum, needed: UPDATER_MEMORY_MINIMUM };
    }
  }
  return undefined;
}
