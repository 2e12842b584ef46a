/** When the pods of a namespace became ready, and where: from the events of a watch. */
import type { WatchEvent } from './kubernetes/watch.ts';

export type ReadyPod = {
  uid: string;
  /** The primary address. */
  ip: string;
  /** One of each family. */
  ips: string[];
  /** When it last became ready, as the news arrived here (Date.now()); Kubernetes itself tells whole seconds. */
  since: number;
};

/** The pods that are ready now, by name. A pod made anew, or at a new address, became ready anew. */
export function readyPods(events: readonly WatchEvent[]): Map<string, ReadyPod> {
  const ready = new Map<string, ReadyPod>();
  for (const { type, object, atMilliseconds } of events) {
    const { name, uid } = object.metadata ?? {};
    const ip = object.status?.podIP ?? '';
    if (type === 'DELETED' || !isReady(object)) ready.delete(name);
    else if (ready.get(name)?.uid !== uid || ready.get(name)?.ip !== ip)
      ready.set(name, { uid, ip, ips: ipsOf(object), since: atMilliseconds });
  }
  return ready;
}

/** When the news arrived here (Date.now()) of the address that a pod shows now, by the pod's name. */
export function shownSince(events: readonly WatchEvent[]): Map<string, number> {
  const shown = new Map<string, { uid: string; ip: string; since: number }>();
  for (const { object, atMilliseconds: since } of events) {
    const { name, uid } = object.metadata ?? {};
    const ip = object.status?.podIP;
    const before = shown.get(name);
    if (ip && (before?.uid !== uid || before?.ip !== ip)) shown.set(name, { uid, ip, since });
  }
  return new Map([...shown].map(([name, { since }]) => [name, since]));
}

function ipsOf({ status }: WatchEvent['object']): string[] {
  return status.podIPs.map(({ ip }: { ip: string }) => ip);
}

function isReady(pod: WatchEvent['object']): boolean {
  const conditions: { type: string; status: string }[] = pod.status?.conditions ?? [];
  const isTrue = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  return isTrue && !pod.metadata.deletionTimestamp;
}
