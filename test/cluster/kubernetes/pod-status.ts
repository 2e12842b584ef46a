import { readFileSync } from 'node:fs';

type ContainerState = { startedAt?: string };
type ContainerStatus = { name: string; state: Record<string, ContainerState> };

/** What the tests read of a Pod. */
export type Pod = {
  metadata: { name: string; uid: string };
  status: {
    podIP?: string;
    podIPs?: { ip: string }[];
    startTime?: string;
    conditions?: { type: string; status: string; lastTransitionTime: string }[];
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
};

/** When a pod's sandbox was last ready and when its first init container was last started; NaN if never. */
export function startsOf({ status }: Pod): { sandbox: number; initContainer: number } {
  const sandbox = status.conditions?.find(({ type }) => type === 'PodReadyToStartContainers');
  const state = Object.values(status.initContainerStatuses?.[0]?.state ?? {})[0];
  return {
    sandbox: Date.parse(sandbox?.lastTransitionTime ?? ''),
    initContainer: Date.parse(state?.startedAt ?? ''),
  };
}

/**
 * Whether the address that a pod shows is surely that of a sandbox it has no more: the sandbox is gone, or there
 * is a new one in which nothing was started, and what waits to be started is not held back (a container that
 * waits out its back-off is: its new address is shown before it starts).
 */
export function showsFormerAddress({ status }: Pod): boolean {
  const sandbox = status.conditions?.find(({ type }) => type === 'PodReadyToStartContainers');
  if (!sandbox) return false;
  if (sandbox.status !== 'True') return true;
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  if (containers[0]?.state.waiting) return false;
  const starts = containers
    .flatMap(({ state }) => Object.values(state))
    .map(({ startedAt }) => startedAt ?? '');
  return starts.every((startedAt) => startedAt < sandbox.lastTransitionTime);
}

/** How two values of JSON differ, one line for each leaf: `path: before -> after`. */
export function changes(before: unknown, after: unknown, path = ''): string[] {
  if (isObject(before) || isObject(after)) {
    const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
    return [...keys].flatMap((key) => changes(member(before, key), member(after, key), `${path}.${key}`));
  }
  return before === after ? [] : [`${path}: ${before ?? '(none)'} -> ${after ?? '(none)'}`];
}

/** When the kernel was booted: what /proc/uptime says in a container too counts from then. */
export function bootedAtMilliseconds(): number {
  const [upSeconds] = readFileSync('/proc/uptime', 'utf8').split(' ');
  return Date.now() - Number(upSeconds) * 1000;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function member(value: unknown, key: string): unknown {
  return isObject(value) ? (value as Record<string, unknown>)[key] : undefined;
}
