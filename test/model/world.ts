/**
 * The world around announce-then-look, small enough to explore whole: some nodes of one cluster that restart at
 * any time, each a pod that was deleted (no IP until it announces) or rebooted (the same pod object shows its
 * OLD IP until it announces). Every interleaving of their steps is tried, on the updater's own state machine.
 */
import {
  type Answer,
  advance,
  ask,
  begin,
  type Facts,
  type State,
} from '../../src/addresses/announce-then-look.ts';
import { type NodeMap, parseNodeMap } from '../../src/addresses/node-map.ts';
import type { Pod } from '../../src/addresses/pod.ts';
import { pod } from '../addresses/builders.ts';

export type Setting = {
  /** One entry per node: how its pod restarts. */
  restarts: readonly ('deleted' | 'rebooted')[];
  /** New IP of each node, as a number; old IPs are 0, 1, 2 ...: so 1 for node 0 is the old IP of node 1. */
  newIps: readonly number[];
  /** Nodes whose ids the map holds before anything restarts. */
  recorded: readonly number[];
  /** What the kubelet mounts: the map as it is when the pod starts, or as it was before all restarts. */
  mount: 'current' | 'stale';
};

/** How a protocol would be worse: the environment forges the answer that the mutated step would have used. */
export type Mutation = 'none' | 'list before announce' | 'no second list' | 'mounted map alone';

export type World = {
  /** Nodes whose pod shows its new IP, in the order in which they announced it. */
  announced: readonly number[];
  recorded: readonly number[];
  /** One updater per node; null until its pod starts. */
  updaters: readonly (Updater | null)[];
};

type Updater = {
  state: State;
  /** What mutated protocols go by instead of asking again; the true one has no use for them. */
  memory: { mounted: readonly number[]; firstList: readonly Pod[] | null };
};

export type Step = { node: number; does: string };

const idOf = (node: number) => String(node).repeat(40);
const podName = (node: number) => `redis-${node}`;
const ip = (number: number) => `10.0.0.${number + 1}`;

export function firstWorld({ restarts, recorded }: Setting): World {
  return { announced: [], recorded, updaters: restarts.map(() => null) };
}

/** Every step that some node can take now, with the world after it. */
export function* nextWorlds(world: World, setting: Setting, mutation: Mutation): Generator<[Step, World]> {
  for (const [node, updater] of world.updaters.entries()) {
    if (!updater) {
      yield [{ node, does: 'starts' }, start(world, node, setting)];
      continue;
    }
    if (!world.announced.includes(node)) {
      yield [
        { node, does: 'announces' },
        { ...world, announced: [...world.announced, node] },
      ];
    }
    const stepped = step(world, node, updater, setting, mutation);
    if (stepped) yield stepped;
  }
}

function start(world: World, node: number, setting: Setting): World {
  const mounted = setting.mount === 'current' ? world.recorded : setting.recorded;
  const state = begin(factsOf(node, setting), mapOf(mounted));
  return withUpdater(world, node, { state, memory: { mounted, firstList: null } });
}

/** One question of the updater, answered from the world as it is; null where it has to wait or is done. */
function step(
  world: World,
  node: number,
  updater: Updater,
  setting: Setting,
  mutation: Mutation,
): [Step, World] | null {
  const facts = factsOf(node, setting);
  const wanted = ask(updater.state, facts);
  if (!wanted) return null;
  if (wanted.kind === 'await-own-ip' && !world.announced.includes(node)) return null;
  const recorded =
    wanted.kind === 'record-id' && mutation !== 'mounted map alone'
      ? [...new Set([...world.recorded, node])].sort()
      : world.recorded;
  const answer = answerTo(wanted.kind, { ...world, recorded }, node, updater, setting, mutation);
  const memory =
    answer.kind === 'pods' && !updater.memory.firstList
      ? { ...updater.memory, firstList: answer.pods }
      : updater.memory;
  const state = advance(updater.state, answer, facts);
  return [{ node, does: wanted.kind }, withUpdater({ ...world, recorded }, node, { state, memory })];
}

function answerTo(
  kind: string,
  world: World,
  node: number,
  updater: Updater,
  setting: Setting,
  mutation: Mutation,
): Answer {
  if (kind === 'await-own-ip') return { kind: 'own-ip-visible' };
  if (kind !== 'list-pods')
    return {
      kind: 'map',
      map: mapOf(mutation === 'mounted map alone' ? updater.memory.mounted : world.recorded),
    };
  if (mutation === 'no second list' && updater.state.step === 'looking-again') {
    return { kind: 'pods', pods: updater.memory.firstList ?? [] };
  }
  const pods = listPods(world, setting);
  return {
    kind: 'pods',
    pods:
      mutation === 'list before announce'
        ? pods.map((pod, at) => (at === node ? ownPod(node, setting) : pod))
        : pods,
  };
}

function listPods({ announced, updaters }: World, setting: Setting): Pod[] {
  return setting.restarts.map((restart, node) => {
    const updaterEnded = updaters[node]?.state.step === 'done';
    if (announced.includes(node))
      return { ...ownPod(node, setting), updaterEnded, sandboxReadyAt: 100 + announced.indexOf(node) };
    // A rebooted pod shows all that was true of it before.
    const isOld = restart === 'rebooted';
    return { ...ownPod(node, setting), ips: isOld ? [ip(node)] : [], updaterEnded: isOld, sandboxReadyAt: 0 };
  });
}

function ownPod(node: number, { newIps }: Setting): Pod {
  return pod(podName(node), ip(newIps[node] as number), { sandboxReadyAt: 0, revision: 0 });
}

function factsOf(node: number, { restarts, newIps }: Setting): Facts {
  return {
    self: { podName: podName(node), ips: [ip(newIps[node] as number)] },
    node: {
      id: idOf(node),
      lines: restarts.map((_, peer) => ({ id: idOf(peer), ip: ip(peer) })),
      savedAt: 50,
    },
    outsideNodes: 'park',
    onLostVolume: 'refuse',
  };
}

function mapOf(recorded: readonly number[]): NodeMap {
  return parseNodeMap(Object.fromEntries(recorded.map((node) => [podName(node), idOf(node)])));
}

function withUpdater(world: World, node: number, updater: Updater): World {
  return { ...world, updaters: world.updaters.map((other, at) => (at === node ? updater : other)) };
}

/** True if `node` has the address that `peer` really has now. */
export function knows({ updaters }: World, node: number, peer: number, { newIps }: Setting): boolean {
  const state = updaters[node]?.state;
  if (state?.step !== 'done' || state.outcome.kind !== 'resolved') return false;
  const resolution = state.outcome.resolutions.get(idOf(peer));
  return resolution?.kind === 'fresh' && resolution.ip === ip(newIps[peer] as number);
}

/** Two worlds with one key behave alike from here on. */
export function keyOf({ announced, recorded, updaters }: World, mutation: Mutation): string {
  const parts = updaters.map((updater) => {
    if (!updater) return '-';
    const { state, memory } = updater;
    const map = 'map' in state ? [...state.map.recorded.keys()].join() : '';
    const before = 'startedBefore' in state ? JSON.stringify([...state.startedBefore]) : '';
    const previous = 'previousId' in state ? (state.previousId ?? '') : '';
    const outcome = state.step === 'done' ? outcomeKey(state) : '';
    const remembered = mutation === 'none' ? '' : JSON.stringify(memory);
    return [state.step, map, before, previous, outcome, remembered].join('|');
  });
  return [announced.join(), recorded.join(), ...parts].join('\n');
}

function outcomeKey({ outcome }: Extract<State, { step: 'done' }>): string {
  if (outcome.kind !== 'resolved') return outcome.kind;
  return [...outcome.resolutions.values()]
    .map(({ kind, ...rest }) => `${kind}${'ip' in rest ? rest.ip : ''}`)
    .join();
}
