/**
 * Announce, then look: the order of steps by which one restarting node learns its peers' addresses, as a state
 * machine of plain values. It does nothing itself: `advance` takes the answer to what the state asks for and
 * gives the next state. The updater runs it against the API; the model check runs the very same functions
 * through every interleaving.
 *
 * 1. Announce: list the pods until our own pod shows our own IP. Whoever looks after that sees us.
 * 2. Look: resolve every peer by the mounted map and that list.
 * 3. Only if our own key does not hold our id, or a peer is not in the map: record our id (or read the map,
 *    if it is recorded), take the map of the answer, list again, resolve again.
 *
 * Claim: of any two restarting nodes at least one resolves the other, under every interleaving.
 */
import { idOfPod, type NodeMap, otherClaimant } from './node-map.ts';
import type { Pod } from './pod.ts';
import { indexPods } from './pod-index.ts';
import type { Resolution } from './resolution.ts';
import { type Line, type OutsideNodes, resolve, type Self } from './resolve.ts';

/** What does not change while one updater runs. */
export type Facts = {
  self: Self;
  /** The node of our file; null when there is no file, or an empty one: redis would start as a new node. */
  node: { id: string; lines: readonly Line[] } | null;
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
  /** Our key is written, or, where it holds our id already, the map is read. */
  | { step: 'recording'; previousId: string | undefined }
  | { step: 'looking-again'; map: NodeMap }
  /** Our entry is taken back: another pod has the same id. */
  | { step: 'withdrawing'; previousId: string | undefined; refusal: Refusal }
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
  | { kind: 'identity-conflict'; id: string; otherPod: string }
  /** There is no file, yet an id is recorded for this pod. */
  | { kind: 'lost-volume'; id: string };

export function begin(facts: Facts, mounted: NodeMap): State {
  if (facts.node === null || conflict(facts, mounted)) return { step: 'confirming' };
  return { step: 'announcing', map: mounted };
}

/** What `state` waits for; null when it is done. */
export function ask(state: State, facts: Facts): Ask | null {
  switch (state.step) {
    case 'confirming':
      return { kind: 'read-map' };
    case 'announcing':
    case 'looking-again':
      return { kind: 'list-pods' };
    case 'awaiting-own-ip':
      return { kind: 'await-own-ip' };
    case 'recording':
      return isRecorded(facts, state.previousId)
        ? { kind: 'read-map' }
        : { kind: 'record-id', id: nodeOf(facts).id };
    case 'withdrawing':
      return { kind: 'restore-id', id: state.previousId };
    case 'done':
      return null;
  }
}

/** The state after the answer to what `state` asked for. */
export function advance(state: State, answer: Answer, facts: Facts): State {
  if (state.step === 'confirming' && answer.kind === 'map') return afterConfirming(answer.map, facts);
  if (state.step === 'announcing' && answer.kind === 'pods') return afterList(state, answer.pods, facts);
  if (state.step === 'awaiting-own-ip') return { ...state, step: 'announcing' };
  if (state.step === 'recording' && answer.kind === 'map') return afterRecording(state, answer.map, facts);
  if (state.step === 'looking-again' && answer.kind === 'pods')
    return resolved(state.map, answer.pods, facts);
  if (state.step === 'withdrawing') return refused(state.refusal);
  throw new TypeError(`The step ${state.step} does not take the answer ${answer.kind}.`);
}

/**
 * The outcome when the API stays silent and the annotation `on-failure: continue` says to start anyway; null
 * where nothing stands against it. What the mount alone says is enough to refuse, never to start.
 */
export function refusalWithoutApi(state: State, facts: Facts, mounted: NodeMap): Refusal | null {
  if (state.step === 'withdrawing') return state.refusal;
  if (facts.node !== null) return conflict(facts, mounted);
  return facts.onLostVolume === 'start' ? null : lostVolume(facts, mounted);
}

function afterConfirming(map: NodeMap, facts: Facts): State {
  if (facts.node !== null) {
    const refusal = conflict(facts, map);
    return refusal ? refused(refusal) : { step: 'announcing', map };
  }
  const refusal = lostVolume(facts, map);
  if (!refusal) return done({ kind: 'new-node' });
  return facts.onLostVolume === 'start'
    ? done({ kind: 'new-node-for-lost-volume', lostId: refusal.id })
    : refused(refusal);
}

function afterList(state: Extract<State, { step: 'announcing' }>, pods: readonly Pod[], facts: Facts): State {
  const { podName, ips } = facts.self;
  const own = pods.find(({ name }) => name === podName);
  if (!own?.ips.includes(ips[0])) return { ...state, step: 'awaiting-own-ip' };
  if (isComplete(state.map, facts)) return resolved(state.map, pods, facts);
  return { step: 'recording', previousId: state.map.recorded.get(podName) };
}

function afterRecording(
  { previousId }: Extract<State, { step: 'recording' }>,
  map: NodeMap,
  facts: Facts,
): State {
  const refusal = conflict(facts, map);
  if (!refusal) return { step: 'looking-again', map };
  return isRecorded(facts, previousId) ? refused(refusal) : { step: 'withdrawing', previousId, refusal };
}

function resolved(map: NodeMap, pods: readonly Pod[], facts: Facts): State {
  const { id, lines } = nodeOf(facts);
  const knowledge = { map, pods: indexPods(pods), self: facts.self, outsideNodes: facts.outsideNodes };
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
  const otherPod = node ? otherClaimant(map, node.id, self.podName) : undefined;
  return node && otherPod ? { kind: 'identity-conflict', id: node.id, otherPod } : null;
}

function lostVolume({ self }: Facts, map: NodeMap): Extract<Refusal, { kind: 'lost-volume' }> | null {
  const id = idOfPod(map, self.podName);
  return id === undefined ? null : { kind: 'lost-volume', id };
}

function nodeOf(facts: Facts): NonNullable<Facts['node']> {
  if (facts.node === null) throw new TypeError('A node without nodes.conf has no peers to resolve.');
  return facts.node;
}

function refused(refusal: Refusal): State {
  return done({ kind: 'refused', refusal });
}

function done(outcome: Outcome): State {
  return { step: 'done', outcome };
}
