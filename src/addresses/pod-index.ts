/** One list of pods, looked up by name and by IP. */
import { canonicalIp } from './ip.ts';
import { isLive, type Pod } from './pod.ts';

export type PodIndex = {
  byName: ReadonlyMap<string, Pod>;
  /** Canonical IP -> the live pods that show it, the one that has it now at the end. */
  byIp: ReadonlyMap<string, readonly Pod[]>;
};

/** The index of one list; ended pods have no IP in it. */
export function indexPods(pods: readonly Pod[]): PodIndex {
  const byIp = new Map<string, Pod[]>();
  for (const pod of pods.filter(isLive)) {
    for (const ip of new Set(pod.ips.map(canonicalIp))) byIp.set(ip, [...(byIp.get(ip) ?? []), pod]);
  }
  for (const showing of byIp.values()) {
    showing.sort(byHold);
  }
  return { byName: new Map(pods.map((pod) => [pod.name, pod])), byIp };
}

/** Who has an address that several show, last: never one with a former address, else the later sandbox. */
function byHold(a: Pod, b: Pod): number {
  return (
    Number(b.showsFormerAddress) - Number(a.showsFormerAddress) ||
    a.sandboxReadyAt - b.sandboxReadyAt ||
    a.revision - b.revision
  );
}

/**
 * The pod that has an IP now. Two can show one: after a reboot of its node a pod shows its old IP until its
 * kubelet announces the new one, and somebody else may have got the old one meanwhile. Pods on the host network share
 * the IP of their node by design and take no part while another shows it.
 */
export function holderOf(ip: string, pods: PodIndex): Pod | undefined {
  const showing = holdersOf(ip, pods);
  return showing.findLast(({ hostNetwork }) => !hostNetwork) ?? showing.at(-1);
}

/** The live pods that show an IP, the one that has it now at the end. */
export function holdersOf(ip: string, { byIp }: PodIndex): readonly Pod[] {
  return byIp.get(canonicalIp(ip)) ?? [];
}
