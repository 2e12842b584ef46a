/** Exhaustive search: every world that can be reached, once, the nearest first, so that stories are short. */
import type { Event } from './event.ts';
import { findCycle } from './find-cycle.ts';
import { kubernetesEvents } from './kubernetes.ts';
import { createModel, type Model } from './model.ts';
import type { Mutation } from './mutation.ts';
import { brokenAtEnd, brokenBy, brokenIn, type KnownLimit } from './properties.ts';
import type { Setting } from './setting.ts';
import { nodesSteps } from './steps.ts';
import { firstWorld, keyOf, type World } from './world.ts';

export type Explored = {
  states: number;
  transitions: number;
  /** States in which nothing is left to happen but what nobody waits for. */
  ends: number;
  /** What is broken, and the steps to it, one a line; null if nothing is. */
  counterexample: string | null;
};

type Search = {
  model: Model;
  limit: KnownLimit;
  /** Key of a world -> its index. */
  indexes: Map<string, number>;
  /** By index: from where a world was reached first. */
  parents: number[];
  /** Pairs of indexes: from, to. */
  edges: number[];
  waiting: (World | undefined)[];
};

export type How = {
  mutation?: Mutation;
  limit?: KnownLimit;
  /** Works everything out anew that is remembered, and compares: a test of the model itself. */
  doubts?: boolean;
};

/** Explores `setting` under a protocol until everything is seen or something is broken. */
export function explore(
  setting: Setting,
  { mutation = 'none', limit = 'is allowed', doubts = false }: How = {},
): Explored {
  const model = createModel(setting, mutation, doubts);
  const search: Search = { model, limit, indexes: new Map(), parents: [], edges: [], waiting: [] };
  indexOf(search, firstWorld(model), -1);
  let ends = 0;
  let counterexample: string | null = null;
  for (let from = 0; from < search.parents.length && counterexample === null; from += 1) {
    const world = search.waiting[from] as World;
    search.waiting[from] = undefined;
    const { broken, isEnd } = visit(search, world, from);
    ends += Number(isEnd);
    counterexample = broken;
  }
  return {
    states: search.parents.length,
    transitions: search.edges.length / 2,
    ends,
    counterexample: counterexample ?? endless(search),
  };
}

/** Looks at one world and all that can happen in it. */
function visit(search: Search, world: World, index: number): { broken: string | null; isEnd: boolean } {
  const { model, limit } = search;
  const broken = brokenIn(model, world);
  if (broken) return { broken: tell(search, index, broken), isEnd: false };
  let isEnd = true;
  for (const event of eventsIn(model, world)) {
    const bad = brokenBy(model, world, event, limit);
    if (bad) return { broken: tell(search, index, event.does(), bad), isEnd: false };
    isEnd &&= event.isOptional === true;
    search.edges.push(index, indexOf(search, event.to, index));
  }
  const stuck = isEnd ? brokenAtEnd(model, world) : null;
  return { broken: stuck && tell(search, index, stuck), isEnd };
}

function* eventsIn(model: Model, world: World): Generator<Event> {
  yield* kubernetesEvents(model, world);
  yield* nodesSteps(model, world);
}

function indexOf({ indexes, parents, waiting }: Search, world: World, parent: number): number {
  const key = keyOf(world);
  const known = indexes.get(key);
  if (known !== undefined) return known;
  const index = parents.length;
  indexes.set(key, index);
  parents.push(parent);
  waiting[index] = world;
  return index;
}

/** An execution without an end is a way back to a world that was there before. */
function endless(search: Search): string | null {
  const cycle = findCycle(search.parents.length, search.edges);
  if (!cycle) return null;
  const [first, ...more] = cycle as [number, ...number[]];
  const steps = [...more, first].map((to, at) => stepTo(search, cycle[at] as number, to));
  return tell(search, first, ...steps.map((step) => `again and again: ${step}`));
}

/** The shortest way to a world, and what is said of it. */
function tell(search: Search, index: number, ...endings: string[]): string {
  const steps: string[] = [];
  for (let at = index; at > 0; at = search.parents[at] as number) {
    steps.unshift(stepTo(search, search.parents[at] as number, at));
  }
  return [...steps, ...endings].join('\n');
}

/** The sentence of the step between two worlds, found by going there once more. */
function stepTo(search: Search, from: number, to: number): string {
  const event = [...eventsIn(search.model, worldAt(search, from))].find(
    (event) => search.indexes.get(keyOf(event.to)) === to,
  );
  return event?.does() ?? 'nobody knows how';
}

function worldAt(search: Search, index: number): World {
  const way: number[] = [];
  for (let at = index; at > 0; at = search.parents[at] as number) way.unshift(at);
  let world = firstWorld(search.model);
  for (const to of way) {
    const events = [...eventsIn(search.model, world)];
    world = events.find((event) => search.indexes.get(keyOf(event.to)) === to)?.to as World;
  }
  return world;
}
