/**
 * The updater of one sandbox: the real state machine with what it needs to run. Its functions are pure, so each
 * answer to each state is worked out once and remembered.
 */
import {
  type Answer,
  advance,
  begin,
  type Facts,
  type State,
} from '../../src/addresses/announce-then-look.ts';
import { type NodeMap, parseNodeMap } from '../../src/addresses/node-map.ts';
import type { Interned } from './interned.ts';
import type { Model } from './model.ts';
import { needsMemory } from './mutation.ts';
import { identityOf } from './setting.ts';
import { addressOf, idOf, nodeIn, rewritten, type Volume } from './volume.ts';
import { ipOf } from './world.ts';

export type Updater = {
  facts: Facts;
  state: State;
  /** What nodes.conf is to become; null while that is not known, or where it stays as it is. */
  result: Interned<Volume> | null;
  /** What a mutated protocol goes by; the true one has no use for it. */
  memory: Memory;
  /** The updaters that answers have made of this one, by the answer. */
  next: Map<string, Interned<Updater>>;
};

type Memory = { mounted: string; firstList: Heard | null };

/** An answer, and the text that tells it from every other answer to the same question. */
export type Heard = { key: string; answer: () => Answer };

/** A file counts as written at this time: sandboxes older than it are given smaller times, others greater. */
export const SAVED_AT = 500;

export const podName = (node: number) => `redis-${node}`;

/** An updater that reads `volume` and the version `mounted` of the map. */
export function startUpdater(
  model: Model,
  node: number,
  sandbox: number,
  volume: Interned<Volume> | null,
  mounted: string,
): Interned<Updater> {
  const key = `${node},${sandbox},${volume?.number},${mounted}`;
  const known = model.started.get(key);
  if (known) return known;
  const facts = factsOf(model, node, sandbox, volume);
  const state = begin(facts, mapOf(model, mounted));
  const started = intern(model, volume, { facts, state, memory: { mounted, firstList: null } });
  model.started.set(key, started);
  return started;
}

function factsOf({ setting, mutation }: Model, node: number, sandbox: number, volume: Volume | null): Facts {
  const mastersAreLikeOthers = mutation === 'masters are like others' && { masterId: null };
  return {
    self: { podName: podName(node), ips: [addressOf(ipOf(setting, node, sandbox))] },
    node: volume && { ...nodeIn(volume), ...mastersAreLikeOthers, savedAt: SAVED_AT },
    outsideNodes: mutation === 'unmapped lines stay' ? 'keep' : 'park',
    onLostVolume: 'refuse',
  };
}

/** The updater after an answer. */
export function afterAnswer(
  model: Model,
  updater: Interned<Updater>,
  volume: Interned<Volume> | null,
  heard: Heard,
): Interned<Updater> {
  const known = updater.next.get(heard.key);
  if (known && !model.doubts) return known;
  const next = advanced(model, updater, volume, heard);
  if (known && known !== next) throw new Error(`The answer ${heard.key} is two answers.`);
  updater.next.set(heard.key, next);
  return next;
}

function advanced(
  model: Model,
  { facts, state, memory }: Updater,
  volume: Interned<Volume> | null,
  { key, answer }: Heard,
): Interned<Updater> {
  const value = answer();
  const firstList = memory.firstList ?? (value.kind === 'pods' ? { key, answer } : null);
  return intern(model, volume, {
    facts,
    state: advance(state, value, facts),
    memory: { ...memory, firstList },
  });
}

function intern(
  model: Model,
  volume: Interned<Volume> | null,
  { facts, state, memory }: Pick<Updater, 'facts' | 'state' | 'memory'>,
): Interned<Updater> {
  const remembered = needsMemory(model.mutation) ? [memory.mounted, memory.firstList?.key] : [];
  const key = [facts.self.podName, facts.self.ips, volume?.number, remembered, textOf(state)].join('|');
  return model.updaters(key, () => ({
    facts,
    state,
    memory,
    result: resultOf(model, volume, state),
    next: new Map(),
  }));
}

/** Everything that a state is made of, as text; of a map its number. */
function textOf(state: State): string {
  return JSON.stringify(state, (name, value) => {
    if (name === 'map') return value.number;
    return value instanceof Map ? [...value] : value;
  });
}

function resultOf(model: Model, volume: Volume | null, state: State): Interned<Volume> | null {
  if (!volume || state.step !== 'done' || state.outcome.kind !== 'resolved') return null;
  const result = rewritten(volume, state.outcome.resolutions);
  return model.volumes(result.text, () => result);
}

/** A version of the map: the nodes that have a key in it, as text. */
export function mapOf({ setting, maps }: Model, version: string): NodeMap {
  return maps(version, () => {
    const nodes = version === '' ? [] : version.split(',').map(Number);
    const keys = nodes.map((node) => [podName(node), idOf(identityOf(setting, node))]);
    return parseNodeMap(Object.fromEntries(keys));
  });
}
