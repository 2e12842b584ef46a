/** What can happen to pods, whoever wants it: restarts, kubelets' reports, a stranger's arrival. */
import { announced } from './api.ts';
import type { Event } from './event.ts';
import type { Model } from './model.ts';
import type { Restart } from './setting.ts';
import { podName } from './updater.ts';
import { addressOf } from './volume.ts';
import {
  holderOf,
  ipOf,
  type Node,
  nextOrder,
  ordersNow,
  type Shown,
  type World,
  withNode,
  withRecorded,
} from './world.ts';

export function* kubernetesEvents(model: Model, world: World): Generator<Event> {
  for (const [at, node] of world.nodes.entries()) {
    yield* restarts(model, world, at, node);
    yield* reports(model, world, at, node);
    yield* starts(model, world, at, node);
  }
  yield* strangersEvents(model, world);
  for (const late of world.latePatches) {
    const latePatches = world.latePatches.filter((other) => other !== late);
    yield {
      does: () => `the API server sees the PATCH of the dead updater of ${podName(late)}`,
      to: { ...withRecorded(world, [...world.recorded, late]), latePatches },
    };
  }
}

/** The next restart of a node; what its updater was about to write is lost, or comes late. */
function* restarts(model: Model, world: World, at: number, node: Node): Generator<Event> {
  const { restarts, losesVolumeWith } = model.setting.nodes[at] as Model['setting']['nodes'][number];
  const how = restarts[node.restarts];
  const isPossible =
    how === 'process' ? node.phase === 'updating' || node.phase === 'refused' : node.phase !== 'down';
  if (!how || !isPossible) return;
  const savesAtStop = model.setting.savesAtStop && node.phase === 'serving';
  const losesVolume = losesVolumeWith === node.restarts;
  const to = withNode(model, world, at, {
    ...(how === 'process' ? { phase: 'up' } : goneDown(how, node)),
    restarts: node.restarts + 1,
    updater: null,
    volume: losesVolume ? null : node.volume,
    savedOrders: savesAtStop ? ordersNow(model, world, at) : node.savedOrders,
  });
  const does = `${podName(at)} ${downSentence[how]}${losesVolume ? ' and its volume is lost' : ''}`;
  yield { does: () => does, to, isOptional: true };
  const isWriting = node.updater?.state.step === 'recording';
  if (model.setting.patchesComeLate && isWriting && !to.latePatches.includes(at)) {
    const late = { ...to, latePatches: [...to.latePatches, at].sort() };
    yield { does: () => `${does}; its PATCH is still on its way`, to: late, isOptional: true };
  }
}

const downSentence: Record<Restart, string> = {
  deleted: 'is deleted, a new pod waits for its sandbox',
  terminated: 'is deleted, its sandbox is gone, the API still shows it',
  rebooted: 'loses its sandbox with its machine',
  crashed: 'loses its sandbox under a running kubelet',
  process: 'sees its updater die, its container starts again',
};

function goneDown(how: Exclude<Restart, 'process'>, { shown, sandbox }: Node): Partial<Node> {
  return {
    phase: 'down',
    sandbox: sandbox + 1,
    shown: how === 'deleted' ? null : shown,
    isLeaving: how === 'terminated' && shown !== null,
  };
}

/** What kubelets and the API server make of a pod that has another sandbox than it shows. */
function* reports(model: Model, world: World, at: number, node: Node): Generator<Event> {
  const { shown, sandbox, order, phase, isLeaving } = node;
  const how = model.setting.nodes[at]?.restarts[node.restarts - 1];
  if (isLeaving) {
    const to = withNode(model, world, at, { shown: null, isLeaving: false });
    yield { does: () => `the old pod ${podName(at)} is gone from the API`, to };
    return;
  }
  if (phase === 'down') {
    if (how !== 'rebooted' || !shown) return;
    const to = withNode(model, world, at, { shown: null });
    yield {
      does: () => `the kubelet of ${podName(at)} is back and takes its address away`,
      to,
      isOptional: true,
    };
    return;
  }
  if (shown?.sandbox === sandbox) return;
  if (how === 'crashed' && shown && !shown.former) {
    const to = withNode(model, world, at, { shown: { ...shown, former: true } });
    yield { does: () => `${podName(at)} shows its new sandbox, and its old address`, to, isOptional: true };
  }
  const shows: Shown = announced(model, world, at, sandbox, order);
  yield {
    does: () => `${podName(at)} shows ${addressOf(shows.ip)}`,
    to: withNode(model, world, at, { shown: shows }),
  };
}

/** A sandbox with the next address, if nobody has that. */
function* starts(
  model: Model,
  world: World,
  at: number,
  { phase, isLeaving, sandbox }: Node,
): Generator<Event> {
  const ip = ipOf(model.setting, at, sandbox);
  if (phase !== 'down' || isLeaving || holderOf(model, world, ip) !== null) return;
  yield {
    does: () => `${podName(at)} starts at ${addressOf(ip)}`,
    to: withNode(model, world, at, { phase: 'up', order: nextOrder(model, world, ip) }),
  };
}

function* strangersEvents(model: Model, world: World): Generator<Event> {
  const { stranger } = model.setting;
  if (!stranger) return;
  const { is, ip } = stranger;
  const who = is === 'outside' ? 'a stranger outside the namespace' : `${is} that is not ours`;
  if (!world.stranger) {
    if (holderOf(model, world, ip) !== null) return;
    const taken = { order: nextOrder(model, world, ip), isShown: false };
    yield { does: () => `${who} gets ${addressOf(ip)}`, to: { ...world, stranger: taken }, isOptional: true };
  } else if (is !== 'outside' && !world.stranger.isShown) {
    const to = { ...world, stranger: { ...world.stranger, isShown: true } };
    yield { does: () => `${who} shows ${addressOf(ip)}`, to };
  }
}

/** True if a node waits for an address that somebody has. */
export function waitsForAddress(model: Model, world: World, at: number): boolean {
  const { phase, sandbox } = world.nodes[at] as Node;
  return phase === 'down' && holderOf(model, world, ipOf(model.setting, at, sandbox)) !== null;
}
