import { readFileSync } from 'node:fs';

type ContainerState = { startedAt?: string };

/** What the tests read of a Pod. */
export type Pod = {
  metadata: { name: string; uid: string };
  status: {
    podIP?: string;
    podIPs?: { ip: string }[];
    startTime?: string;
    conditions?: { type: string; status: string; lastTransitionTime: string }[];
    initContainerStatuses?: { name: string; state: Record<string, ContainerState> }[];
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
