/**
 * The resolution table: what becomes of each line of nodes.conf, given the map (id -> pod name) and one
 * consistent list of the namespace's pods (pod name -> IP).
 *
 * | line   | condition                                                        | becomes                     |
 * |--------|------------------------------------------------------------------|-----------------------------|
 * | myself |                                                                  | self: our own IP            |
 * | in map | pod live, its IP not ours, and no other pod has it now           | fresh: that IP              |
 * | in map | otherwise                                                        | parked                      |
 * | not    | the line's IP is that of a live pod, of a StatefulSet, that is   | unknown: unchanged          |
 * |        | not in the map, and either not injected or a node that started   |                             |
 * |        | as a new one, before our file was saved                          |                             |
 * | not    | otherwise                                                        | parked; unknown if          |
 * |        |                                                                  | `outside-nodes: keep` and   |
 * |        |                                                                  | no live pod here has the IP |
 *
 * Why parked: a replica dials the address of its master from the file at once and asks no name. So no
 * address is left in a file that we know, or must fear, to be somebody else's.
 *
 * Two more rules hold whatever the map says, since more people can write it than can make pods of ours:
 * - Our own master is fresh only in a pod that is injected, or that a line of nodes.txt names for it; and
 *   unknown only where its pod has shown the address since before our file was saved. Else it is parked.
 * - Of two lines with one address, the one with less right to it is parked (one-address.ts).
 * docs/decisions/updater-own-master.md
 */
import { DISCARD_ADDRESS, type Family, familyOf, isSameIp, pickFamily } from './ip.ts';
import type { NodeMap } from './node-map.ts';
import { withoutRight } from './one-address.ts';
import { isLive, type Pod } from './pod.ts';
import { holderOf, indexPods, type PodIndex } from './pod-index.ts';
import type { ParkedReason, Resolution } from './resolution.ts';

/** A line of nodes.conf: node id, and IP and port that it names; the IP may be empty, the port zero. */
export type Line = { id: string; ip: string; port?: string };

export type Self = {
  podName: string;
  /** The primary first. */
  ips: readonly [string, ...string[]];
};

export type OutsideNodes = 'park' | 'keep';

export type Knowledge = {
  map: NodeMap;
  pods: PodIndex;
  self: Self;
  outsideNodes: OutsideNodes;
  /** The node that we replicate; none where we are a master. */
  masterId?: string | null;
  /** Injected pods that had started their servers before the map was read, each with its sandbox of then. */
  startedBefore?: StartedBefore;
  /** When our file was written last, in milliseconds since 1970. */
  savedAt?: number;
};

/** Pod name -> when its sandbox became ready. */
export type StartedBefore = ReadonlyMap<string, number>;

/** A peer's line with the address family to give it: its own, or where its address is empty, that of myself. */
type PeerLine = Line & { family: Family | null };

/** Every line's resolution by node id. `ownId` is the id of the line `myself`. */
export function resolve(
  ownId: string,
  lines: readonly Line[],
  knowledge: Knowledge,
): Map<string, Resolution> {
  const of = (line: PeerLine) =>
    line.id === ownId ? resolveSelf(line, knowledge) : resolvePeer(line, knowledge);
  return oneAddressEach(ownId, lines, of, knowledge);
}

/** What can be said without the API: our own line, and every other as it is, but for an address that is ours now. */
export function resolveWithoutApi(
  ownId: string,
  lines: readonly Line[],
  self: Self,
): Map<string, Resolution> {
  const of = (line: Line): Resolution =>
    line.id === ownId ? resolveSelf(line, { self }) : { kind: 'unknown', pod: null, reason: 'api-silent' };
  return oneAddressEach(ownId, lines, of, { self, pods: indexPods([]) });
}

function oneAddressEach(
  ownId: string,
  lines: readonly Line[],
  of: (line: PeerLine) => Resolution,
  knowledge: Pick<Knowledge, 'self' | 'pods'>,
): Map<string, Resolution> {
  const ownFamily = familyOf(lines.find(({ id }) => id === ownId)?.ip ?? '');
  const familied = lines.map((line) => ({ ...line, family: familyOf(line.ip) ?? ownFamily }));
  const resolutions = new Map(familied.map((line) => [line.id, of(line)]));
  const parked = withoutRight(lines, resolutions, knowledge.pods);
  for (const line of familied.filter(({ id }) => parked.has(id))) {
    const resolution = resolutions.get(line.id);
    const pod = resolution && 'pod' in resolution ? resolution.pod : null;
    resolutions.set(line.id, park(line, pod, 'address-of-other-line', knowledge));
  }
  return resolutions;
}

function resolveSelf(line: Line, { self }: Pick<Knowledge, 'self'>): Resolution {
  return { kind: 'self', ip: pickFamily(self.ips, familyOf(line.ip)) as string };
}

function resolvePeer(line: PeerLine, knowledge: Knowledge): Resolution {
  const podName = knowledge.map.podOfId.get(line.id);
  const pod = podName === undefined ? undefined : knowledge.pods.byName.get(podName);
  // An entry counts only for a pod of a StatefulSet: nobody else's name is bound to a volume.
  const counts = podName !== undefined && (pod === undefined || pod.ofStatefulSet);
  return counts ? resolveMapped(line, podName, pod, knowledge) : resolveUnmapped(line, knowledge);
}

function resolveMapped(
  line: PeerLine,
  podName: string,
  pod: Pod | undefined,
  knowledge: Knowledge,
): Resolution {
  if (!pod || !isLive(pod)) return park(line, podName, 'not-live', knowledge);
  if (isOurMaster(line, knowledge) && !pod.injected && knowledge.map.byHand.get(line.id) !== podName) {
    return park(line, podName, 'master-not-injected', knowledge);
  }
  const ip = pickFamily(pod.ips, line.family) as string;
  if (isOurs(ip, pod, knowledge)) return park(line, podName, 'shows-our-ip', knowledge);
  if (!pod.hostNetwork && holderOf(ip, knowledge.pods) !== pod) {
    return park(line, podName, 'shows-ip-of-other-pod', knowledge);
  }
  return { kind: 'fresh', ip, pod: podName };
}

function resolveUnmapped(line: PeerLine, knowledge: Knowledge): Resolution {
  const holder = holderOf(line.ip, knowledge.pods);
  if (holder && isNotYetInjected(holder, knowledge)) {
    return isOurMaster(line, knowledge) && !isAsSaved(holder, knowledge)
      ? park(line, holder.name, 'master-not-injected', knowledge)
      : { kind: 'unknown', pod: holder.name, reason: 'held-by-pod-not-injected' };
  }
  if (holder && wasNeverRecorded(holder, knowledge)) {
    return { kind: 'unknown', pod: holder.name, reason: 'held-by-pod-never-recorded' };
  }
  if (!holder && knowledge.outsideNodes === 'keep' && line.ip !== '') {
    return { kind: 'unknown', pod: null, reason: 'outside-node-kept' };
  }
  return park(line, null, 'not-in-map', knowledge);
}

/** Such a pod has not restarted since we look after its cluster, so the address in the file holds. */
function isNotYetInjected(pod: Pod, { map }: Knowledge): boolean {
  return pod.ofStatefulSet && !pod.injected && !map.entryOfPod.has(pod.name);
}

function isOurMaster({ id }: Line, { masterId }: Knowledge): boolean {
  return id === masterId;
}

/** The pod has had its address since before our file was saved, so that the file cannot mean a former holder. */
function isAsSaved(pod: Pod, { savedAt = 0 }: Knowledge): boolean {
  return pod.hostNetwork || hasHadItsAddressSince(savedAt, pod);
}

/**
 * A pod that was injected when its cluster was made had no id to record then. As long as it does not restart, its
 * address in our file holds, and parking it would cut us off from a node that knows our old address alone.
 * It had started before the map was read, so that it would be in it had it ever restarted; and before our file was
 * saved, so that the file cannot mean a former holder of the address.
 */
function wasNeverRecorded(pod: Pod, { map, startedBefore, savedAt = 0 }: Knowledge): boolean {
  const isAsItWas = startedBefore?.get(pod.name) === pod.sandboxReadyAt;
  return isAsItWas && hasHadItsAddressSince(savedAt, pod) && !map.entryOfPod.has(pod.name);
}

function hasHadItsAddressSince(ms: number, { sandboxReadyAt, showsFormerAddress }: Pod): boolean {
  return sandboxReadyAt <= ms && !showsFormerAddress;
}

/** Pods on the host network share the IP of their node by design; others never share one. */
function isOurs(ip: string, pod: Pod, { self, pods }: Knowledge): boolean {
  if (pod.hostNetwork && pods.byName.get(self.podName)?.hostNetwork) return false;
  return self.ips.some((ownIp) => isSameIp(ownIp, ip));
}

function park(
  line: PeerLine,
  pod: string | null,
  reason: ParkedReason,
  { self }: Pick<Knowledge, 'self'>,
): Resolution {
  const family = line.family ?? familyOf(self.ips[0]) ?? 'ipv4';
  return { kind: 'parked', ip: DISCARD_ADDRESS[family], pod, reason };
}
