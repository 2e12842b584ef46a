import { parseQuantity } from './quantity.ts';
import type { Container, Resources } from './shapes.ts';

/** What the updater is sure to run in. Node itself takes most of it. */
export const UPDATER_MEMORY_MINIMUM = '64Mi';

type Quantities = NonNullable<Resources['requests']>;
export type UpdaterResources = { resources: object | undefined; raised: boolean };

/**
 * The resources of the redis container: an init container with the same ones changes neither the pod's QoS
 * class nor what a quota or a LimitRange counts for it. Claims are left out: they name devices.
 * Memory below the updater's minimum is raised to it, request and limit alike, so Guaranteed stays Guaranteed.
 */
export function updaterResources({ resources }: Container): UpdaterResources {
  const requests = withEnoughMemory(resources?.requests);
  const limits = withEnoughMemory(resources?.limits);
  const copied = {
    ...(requests ? { requests: requests.quantities } : {}),
    ...(limits ? { limits: limits.quantities } : {}),
  };
  return {
    resources: requests || limits ? copied : undefined,
    raised: Boolean(requests?.raised || limits?.raised),
  };
}

function withEnoughMemory(quantities: Quantities | null | undefined) {
  if (!quantities) return undefined;
  const memory = quantities.memory === undefined ? undefined : parseQuantity(quantities.memory);
  // A memory that is no quantity is copied: the API server will say what is wrong with redis's own.
  const raised = memory !== undefined && memory < minimumBytes();
  return { raised, quantities: raised ? { ...quantities, memory: UPDATER_MEMORY_MINIMUM } : quantities };
}

export function minimumBytes(): number {
  return parseQuantity(UPDATER_MEMORY_MINIMUM) ?? 0;
}
