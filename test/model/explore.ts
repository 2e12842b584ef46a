/** Exhaustive search of a world's interleavings: every reachable state once, depth first. */
import {
  firstWorld,
  keyOf,
  knows,
  type Mutation,
  nextWorlds,
  type Setting,
  type Step,
  type World,
} from './world.ts';

export type Explored = {
  states: number;
  /** Worlds in which every node has finished. */
  ends: number;
  /** The steps to a world that breaks the claim; null if there is none. */
  counterexample: string | null;
};

/** Explores `setting`; the claim is that of any two restarted nodes at least one has the other's address. */
export function explore(setting: Setting, mutation: Mutation = 'none'): Explored {
  const seen = new Set<string>();
  const explored: Explored = { states: 0, ends: 0, counterexample: null };
  const visit = (world: World, path: readonly Step[]): void => {
    const key = keyOf(world, mutation);
    if (explored.counterexample !== null || seen.has(key)) return;
    seen.add(key);
    explored.states += 1;
    const next = [...nextWorlds(world, setting, mutation)];
    if (next.length === 0) {
      explored.ends += 1;
      explored.counterexample = brokenPair(world, setting, path);
    }
    for (const [step, after] of next) visit(after, [...path, step]);
  };
  visit(firstWorld(setting), []);
  return explored;
}

/** Where nobody can take a step, every updater must have resolved its peers, and each pair must be linked. */
function brokenPair(world: World, setting: Setting, path: readonly Step[]): string | null {
  const story = path.map(({ node, does }) => `node ${node} ${does}`).join('; ');
  for (const [node, updater] of world.updaters.entries()) {
    if (updater?.state.step !== 'done') return `node ${node} never ends: ${story}`;
    for (let peer = 0; peer < node; peer += 1) {
      if (!knows(world, node, peer, setting) && !knows(world, peer, node, setting)) {
        return `neither of ${peer} and ${node} knows the other: ${story}`;
      }
    }
  }
  return null;
}
