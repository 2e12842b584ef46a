/**
 * Announce, then look: the order of steps by which one restarting node learns its peers' addresses, as a state
 * machine of plain values. It does nothing itself: `advance` takes the answer to what the state asks for and
 * gives the next state. The updater runs it against the API; the model check runs the very same functions
 * through every interleaving.
 *
 * 1. Announce: list the pods until our own pod shows our own IP. Whoever looks after that sees us.
 * 2. Look: resolve every peer by the mounted map and that list.
 * 3. Only if our own key does not hold our id, or a peer is not in the map: read the map; record our id if it is
 *    not there; with the map of that answer list again, resolve again.
 *
 * Claim: of any two restarting nodes at least one resolves the other, under every interleaving.
 */
import { type Entry, type NodeMap, otherClaim } from './node-map.ts';
import type { Pod } from './pod.ts';
import { indexPods } from './pod-index.ts';
import type { Resolution } from './resolution.ts';
import { type Line, type OutsideNodes, resolve, type Self, type StartedBefore } from './resolve.ts';

/** What does not change while one updater runs. */
export type Facts = {
  self: Self;
  /** The node of our file; null when there is no file, or an empty one: redis would start as a new node. */
  node: {
    id: string;
    lines: readonly Line[];
    /** The node that it replicates; none where it is a master. */
    masterId?: string | null;
    /** When the file was written last, in milliseconds since 1970. */
    savedAt?: number;
  } | null;
  outsideNodes: OutsideNodes;
  onLostVolume: 'refuse' | 'start';
};

export type State =
  /** A GET confirms what the mount says of us before anything is refused, or a new node started. */
  | { step: 'confirming' }
  /** The list is wanted, until our own IP is in it. */
  | { step: 'announcing'; map: NodeMap }
  /** Our own pod alone is read until it shows our IP: a list each time would be many times the bytes. */
  | { step: 'awaiting-own-ip'; map: NodeMap }
  /** The map is read as it is: the mount may be a minute late. */
  | { step: 'reading'; startedBefore: StartedBefore }
  /** Our key is written; `previousId` is what it held. */
  | { step: 'recording'; startedBefore: StartedBefore; previousId: string | undefined }
  | { step: 'looking-again'; startedBefore: StartedBefore; map: NodeMap }
  /** Our entry is taken back: another pod has the same id. */
  | { step: 'withdrawing'; previousId: string | undefined; refusal: Refusal }
  /** The entry of a lost node is removed, so that nobody takes our new, empty server for it. */
  | { step: 'forgetting'; lostId: string }
  | { step: 'done'; outcome: Outcome };

/** What a state wants from outside. */
export type Ask =
  | { kind: 'list-pods' }
  | { kind: 'await-own-ip' }
  | { kind: 'read-map' }
  | { kind: 'record-id'; id: string }
  /** Puts back what our key held before; undefined removes it. */
  | { kind: 'restore-id'; id: string | undefined };

export type Answer =
  | { kind: 'pods'; pods: readonly Pod[] }
  | { kind: 'own-ip-visible' }
  | { kind: 'map'; map: NodeMap }
  | { kind: 'restored' };

export type Outcome =
  | { kind: 'resolved'; resolutions: Map<string, Resolution>; map: NodeMap }
  /** Nothing is recorded for this pod and it has no file: redis may start as a new node. */
  | { kind: 'new-node' }
  /** The volume is lost, and the annotation `on-lost-volume: start` accepts a new identity. */
  | { kind: 'new-node-for-lost-volume'; lostId: string }
  | { kind: 'refused'; refusal: Refusal };

export type Refusal =
  /** Our id is recorded under another pod: a cloned volume, or a volume that moved. */
  | { kind: 'identity-conflict'; id: string; other: Entry }
  /** There is no file, yet the map has an entry about this pod. */
  | { kind: 'lost-volume'; entry: Entry };

/** The first state. `mounted` is the map as the kubelet has mounted it. */
export function begin(facts: Facts, mounted: NodeMap): State {
  if (facts.node === null || conflict(facts, mounted)) return { step: 'confirming' };
  return { step: 'announcing', map: mounted };
}

/** What `state` waits for; null when it is done. */
export function ask(state: State, facts: Facts): Ask | null {
  switch (state.step) {
    case 'confirming':
    case 'reading':
      return { kind: 'read-map' };
    case 'announcing':
    case 'looking-again':
      return { kind: 'list-pods' };
    case 'awaiting-own-ip':
      return { kind: 'await-own-ip' };
    case 'recording':
      return { kind: 'record-id', id: nodeOf(facts).id };
    case 'withdrawing':
      return { kind: 'restore-id', id: state.previousId };
    case 'forgetting':
      return { kind: 'restore-id', id: undefined };
    case 'done':
      return null;
  }
}

/** The state after the answer to what `state` asked for. */
export function advance(state: State, answer: Answer, facts: Facts): State {
  if (state.step === 'confirming' && answer.kind === 'map') return afterConfirming(answer.map, facts);
  if (state.step === 'announcing' && answer.kind === 'pods') return afterList(state, answer.pods, facts);
  if (state.step === 'awaiting-own-ip') return { ...state, step: 'announcing' };
  if (state.step === 'reading' && answer.kind === 'map') return afterReading(state, answer.map, facts);
  if (state.step === 'recording' && answer.kind === 'map') return afterRecording(state, answer.map, facts);
  if (state.step === 'looking-again' && answer.kind === 'pods')
    return resolved(state.map, answer.pods, facts, state.startedBefore);
  if (state.step === 'withdrawing') return refused(state.refusal);
  if (state.step === 'forgetting') return done({ kind: 'new-node-for-lost-volume', lostId: state.lostId });
  throw new TypeError(`The step ${state.step} does not take the answer ${answer.kind}.`);
}

/**
 * What stands against starting an existing node when the API stays silent and the annotation `on-failure:
 * continue` says to start all the same: here what the mount alone says is enough. Null where nothing does.
 */
export function refusalWithoutApi(state: State, facts: Facts, mounted: NodeMap): Refusal | null {
  if (state.step === 'withdrawing') return state.refusal;
  return conflict(facts, 'map' in state ? state.map : mounted);
}

function afterConfirming(map: NodeMap, facts: Facts): State {
  if (facts.node !== null) {
    const refusal = conflict(facts, map);
    return refusal ? refused(refusal) : { step: 'announcing', map };
  }
  const refusal = lostVolume(facts, map);
  if (!refusal) return done({ kind: 'new-node' });
  const { entry } = refusal;
  // A line of nodes.txt is not ours to remove, and without that a replica would follow our empty server.
  const mayStart = facts.onLostVolume === 'start' && entry.line === null;
  return mayStart ? { step: 'forgetting', lostId: entry.id } : refused(refusal);
}

function afterList(state: Extract<State, { step: 'announcing' }>, pods: readonly Pod[], facts: Facts): State {
  const { podName, ips } = facts.self;
  const own = pods.find(({ name }) => name === podName);
  if (!own?.ips.includes(ips[0])) return { ...state, step: 'awaiting-own-ip' };
  if (isComplete(state.map, facts)) return resolved(state.map, pods, facts);
  return { step: 'reading', startedBefore: startedBefore(pods) };
}

/** Whoever of these had an id to record is in the map that is read after this. */
function startedBefore(pods: readonly Pod[]): StartedBefore {
  const started = pods.filter((pod) => pod.ofStatefulSet && pod.injected && pod.updaterEnded);
  return new Map(started.map(({ name, sandboxReadyAt }) => [name, sandboxReadyAt]));
}

/** Our id may be recorded after all; if not, what is there must come back should we have to withdraw. */
function afterReading(
  { startedBefore }: Extract<State, { step: 'reading' }>,
  map: NodeMap,
  facts: Facts,
): State {
  const refusal = conflict(facts, map);
  if (refusal) return refused(refusal);
  const previousId = map.recorded.get(facts.self.podName);
  return isRecorded(facts, previousId)
    ? { step: 'looking-again', startedBefore, map }
    : { step: 'recording', startedBefore, previousId };
}

function afterRecording(
  { startedBefore, previousId }: Extract<State, { step: 'recording' }>,
  map: NodeMap,
  facts: Facts,
): State {
  const refusal = conflict(facts, map);
  return refusal
    ? { step: 'withdrawing', previousId, refusal }
    : { step: 'looking-again', startedBefore, map };
}

function resolved(
  map: NodeMap,
  pods: readonly Pod[],
  { self, outsideNodes, ...facts }: Facts,
  startedBefore: StartedBefore = new Map(),
): State {
  const { id, lines, masterId = null, savedAt = 0 } = nodeOf(facts);
  const knowledge = { map, pods: indexPods(pods), self, outsideNodes, masterId, startedBefore, savedAt };
  return done({ kind: 'resolved', resolutions: resolve(id, lines, knowledge), map });
}

/** True if the map holds all that a single look needs: our own record, and every peer. */
function isComplete(map: NodeMap, facts: Facts): boolean {
  const { id, lines } = nodeOf(facts);
  const peersAreKnown = lines.every((line) => line.id === id || map.podOfId.has(line.id));
  return isRecorded(facts, map.recorded.get(facts.self.podName)) && peersAreKnown;
}

function isRecorded(facts: Facts, id: string | undefined): boolean {
  return id === nodeOf(facts).id;
}

function conflict({ node, self }: Facts, map: NodeMap): Refusal | null {
  const other = node ? otherClaim(map, node.id, self.podName) : undefined;
  return node && other ? { kind: 'identity-conflict', id: node.id, other } : null;
}

function lostVolume({ self }: Facts, map: NodeMap): Extract<Refusal, { kind: 'lost-volume' }> | null {
  const entry = map.entryOfPod.get(self.podName);
  return entry ? { kind: 'lost-volume', entry } : null;
}

function nodeOf(facts: Pick<Facts, 'node'>): NonNullable<Facts['node']> {
  if (facts.node === null) throw new TypeError('A node without nodes.conf has no peers to resolve.');
  return facts.node;
}

function refused(refusal: Refusal): State {
  return done({ kind: 'refused', refusal });
}

function done(outcome: Outcome): State {
  return { step: 'done', outcome };
}
