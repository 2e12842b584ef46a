/**
 * What the resolution needs to know of a pod. The rest of a listed pod is let go at once, so that the list of
 * a large namespace costs bytes, not megabytes.
 */
import { INJECTED_LABEL } from '../names.ts';

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
  /** The latest sign of a start that its status shows, in milliseconds since 1970; 0 where it has none. */
  startedAt: number;
  /** Grows with every write to the pod: etcd's revision. Decides where `startedAt`, in seconds, cannot. */
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
  state?: { running?: { startedAt?: string }; terminated?: { startedAt?: string } };
};

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
    startedAt: latestStart(status),
    revision: Number(metadata.resourceVersion ?? 0),
  };
}

function ipsOf({ podIP, podIPs = [] }: NonNullable<ApiPod['status']>): string[] {
  const ips = podIPs.flatMap(({ ip }) => (ip ? [ip] : []));
  if (ips.length > 0) return ips;
  return podIP ? [podIP] : [];
}

/**
 * `startTime` alone is not enough: after a reboot of its node the same pod object lives on with its old
 * start time. What its kubelet writes together with the new IP is a container that started, or a sandbox
 * that became ready, later.
 */
function latestStart(status: NonNullable<ApiPod['status']>): number {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const times = [
    status.startTime,
    ...containers.flatMap(({ state }) => [state?.running?.startedAt, state?.terminated?.startedAt]),
    ...(status.conditions ?? [])
      .filter(({ type, status }) => type === 'PodReadyToStartContainers' && status === 'True')
      .map(({ lastTransitionTime }) => lastTransitionTime),
  ];
  return Math.max(0, ...times.map((time) => (time ? Date.parse(time) : 0)).filter(Number.isFinite));
}
