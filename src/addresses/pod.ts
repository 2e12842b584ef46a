/**
 * What the resolution needs to know of a pod. The rest of a listed pod is let go at once, so that the list of
 * a large namespace costs bytes, not megabytes.
 */
import { INIT_CONTAINER, INJECTED_LABEL } from '../names.ts';

export type Pod = {
  name: string;
  /** The primary first; empty until the kubelet has published them. */
  ips: readonly string[];
  /** It exists and has neither succeeded nor failed; a terminating pod is live. */
  hasEnded: boolean;
  /** Its IP is that of its node, and so of every other pod like it there. */
  hostNetwork: boolean;
  ofStatefulSet: boolean;
  injected: boolean;
  /** Its updater let its server start: what that records is recorded. */
  updaterEnded: boolean;
  /** The shown address is surely that of a sandbox that the pod has no more. */
  showsFormerAddress: boolean;
  /** When its present sandbox became ready, in milliseconds since 1970 (whole seconds); 0 if it never was. */
  sandboxReadyAt: number;
  /** Grows with every write to the pod: etcd's revision. Decides where whole seconds cannot. */
  revision: number;
};

/** A live pod is one that may answer at its IP. */
export function isLive(pod: Pod): boolean {
  return !pod.hasEnded && pod.ips.length > 0;
}

/** A pod as the API server sends it; only what we read. */
export type ApiPod = {
  metadata?: {
    name?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    ownerReferences?: { apiVersion: string; kind: string; controller?: boolean }[];
  };
  spec?: { hostNetwork?: boolean };
  status?: {
    phase?: string;
    podIP?: string;
    podIPs?: { ip?: string }[];
    startTime?: string;
    conditions?: { type: string; status: string; lastTransitionTime?: string | null }[];
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
};

type ContainerStatus = {
  name?: string;
  state?: {
    waiting?: object;
    running?: { startedAt?: string };
    terminated?: { startedAt?: string; exitCode?: number };
  };
};

type Status = NonNullable<ApiPod['status']>;

/** A listed pod, reduced to what the resolution needs. */
export function podFromApi(pod: ApiPod): Pod {
  const { metadata = {}, spec = {}, status = {} } = pod;
  return {
    name: metadata.name ?? '',
    ips: ipsOf(status),
    hasEnded: status.phase === 'Succeeded' || status.phase === 'Failed',
    hostNetwork: spec.hostNetwork === true,
    ofStatefulSet: (metadata.ownerReferences ?? []).some(
      ({ apiVersion, kind, controller }) =>
        controller === true && kind === 'StatefulSet' && apiVersion.startsWith('apps/'),
    ),
    injected: metadata.labels?.[INJECTED_LABEL] === 'true',
    updaterEnded: (status.initContainerStatuses ?? []).some(
      ({ name, state }) => name === INIT_CONTAINER && state?.terminated?.exitCode === 0,
    ),
    showsFormerAddress: isFormer(status),
    sandboxReadyAt: sandboxReadyAt(status),
    revision: Number(metadata.resourceVersion ?? 0),
  };
}

function ipsOf({ podIP, podIPs = [] }: Status): string[] {
  const ips = podIPs.flatMap(({ ip }) => (ip ? [ip] : []));
  if (ips.length > 0) return ips;
  return podIP ? [podIP] : [];
}

/**
 * Measured on a real kubelet (docs/decisions/real-kubernetes-stale-addresses.md): a pod whose sandbox died shows
 * its old address first with the condition PodReadyToStartContainers False, then with True and a new
 * lastTransitionTime, and only with the start of a container in the new sandbox its new address. A container
 * that waits out its back-off is announced without a start.
 */
function isFormer(status: Status): boolean {
  const sandbox = sandboxCondition(status);
  if (!sandbox) return false;
  if (sandbox.status !== 'True') return true;
  if (containersOf(status)[0]?.state?.waiting) return false;
  const readyAt = Date.parse(sandbox.lastTransitionTime ?? '');
  return containerStarts(status).every((startedAt) => startedAt < readyAt);
}

/** Where the condition is missing, the latest start that the status shows comes closest. */
function sandboxReadyAt(status: Status): number {
  const readyAt = Date.parse(sandboxCondition(status)?.lastTransitionTime ?? '');
  if (Number.isFinite(readyAt)) return readyAt;
  return Math.max(
    0,
    ...[Date.parse(status.startTime ?? ''), ...containerStarts(status)].filter(Number.isFinite),
  );
}

/** The starts of what runs or ran last in each container, init containers included. */
function containerStarts(status: Status): number[] {
  return containersOf(status)
    .flatMap(({ state }) => [state?.running?.startedAt, state?.terminated?.startedAt])
    .flatMap((startedAt) => (startedAt ? [Date.parse(startedAt)] : []));
}

function containersOf({ initContainerStatuses = [], containerStatuses = [] }: Status): ContainerStatus[] {
  return [...initContainerStatuses, ...containerStatuses];
}

function sandboxCondition({ conditions = [] }: Status) {
  return conditions.find(({ type }) => type === 'PodReadyToStartContainers');
}
