/** What the updaters and servers of nodes can do next. */
import { type Ask, ask } from '../../src/addresses/announce-then-look.ts';
import { answerTo } from './api.ts';
import type { Event } from './event.ts';
import type { Interned } from './interned.ts';
import type { Model } from './model.ts';
import { afterAnswer, podName, startUpdater, type Updater } from './updater.ts';
import { addressOf, PARKED, type Volume } from './volume.ts';
import { type Node, ordersNow, type Phase, type World, withNode, withRecorded } from './world.ts';

export function* nodesSteps(model: Model, world: World): Generator<Event> {
  for (const [at, node] of world.nodes.entries()) {
    if (node.phase === 'up') {
      // It reads the mount when it starts; with its first question that is one step, since nobody sees it.
      for (const version of world.versions) {
        const updater = startUpdater(model, at, node.sandbox, node.volume, version);
        yield* question(model, world, at, updater, ` (mounted map: ${names(version)})`);
      }
    }
    if (node.phase === 'updating' && node.updater) {
      if (node.updater.result) yield rewrites(model, world, at, node.updater.result);
      else yield* question(model, world, at, node.updater, '');
    }
    if (node.phase === 'rewritten') yield serves(model, world, at, node);
  }
}

/** The updater's question, its effect and its answer. */
function* question(
  model: Model,
  world: World,
  at: number,
  updater: Interned<Updater>,
  remark: string,
): Generator<Event> {
  const wanted = ask(updater.state, updater.facts);
  if (!wanted) return;
  const written = afterWrite(model, world, at, wanted);
  const heard = answerTo(wanted, model, written, at, updater);
  if (!heard) return;
  const volume = written.nodes[at]?.volume ?? null;
  const next = afterAnswer(model, updater, volume, heard);
  const phase = phaseOf(next);
  yield {
    does: () => `${podName(at)} asks ${wanted.kind}${remark}${seen(wanted.kind, written)}`,
    to: withNode(model, written, at, { phase, updater: phase === 'updating' ? next : null }),
    ...(next.result && { looked: at }),
    ...(phase === 'new' && { startedAnew: at }),
  };
}

/** The world once the API server has done what the updater asks for. */
function afterWrite({ mutation }: Model, world: World, at: number, { kind }: Ask): World {
  if (kind === 'record-id' && mutation !== 'mounted map alone') {
    return withRecorded(world, [...world.recorded, at]);
  }
  // No node of ours has held another id before: what is put back is nothing.
  if (kind === 'restore-id')
    return withRecorded(
      world,
      world.recorded.filter((other) => other !== at),
    );
  return world;
}

function phaseOf({ state }: Updater): Phase {
  if (state.step !== 'done') return 'updating';
  if (state.outcome.kind === 'refused') return 'refused';
  return state.outcome.kind === 'new-node' ? 'new' : 'updating';
}

function rewrites(model: Model, world: World, at: number, volume: Interned<Volume>): Event {
  const savedOrders = ordersNow(model, world, at);
  const lines = [...volume.ips].map(
    ([node, ip]) => `${node} at ${ip === PARKED ? 'nowhere' : addressOf(ip)}`,
  );
  return {
    does: () => `${podName(at)} writes nodes.conf: ${lines.join(', ')}`,
    to: withNode(model, world, at, { phase: 'rewritten', updater: null, volume, savedOrders }),
  };
}

/**
 * The API shows the end of the updater with the server's start. When it does makes no difference: a node that has
 * restarted is in the map by then, and only of nodes that are not in it does anyone ask.
 */
function serves(model: Model, world: World, at: number, { shown, sandbox }: Node): Event {
  const isOwn = shown?.sandbox === sandbox;
  return {
    does: () => `the server of ${podName(at)} starts`,
    to: withNode(model, world, at, {
      phase: 'serving',
      shown: shown && isOwn ? { ...shown, updaterEnded: true } : shown,
    }),
  };
}

function names(version: string): string {
  return version === '' ? 'empty' : version;
}

/** What the answer says. */
function seen(kind: Ask['kind'], { nodes, recorded, stranger }: World): string {
  if (kind === 'await-own-ip') return '';
  if (kind !== 'list-pods') return `: ${names(recorded.join())}`;
  const shows = nodes.map(({ shown }, at) => `${at} at ${shown ? addressOf(shown.ip) : '-'}`);
  return `: ${[...shows, ...(stranger?.isShown ? ['the other one too'] : [])].join(', ')}`;
}
