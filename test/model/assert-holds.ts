import type { Test } from 'tap';
import { explore, type How } from './explore.ts';
import type { Named } from './settings.ts';

/** Explores all settings; each has to be whole. Says how much was seen. */
export function assertHolds(t: Test, settings: readonly Named[], how: How = {}): void {
  let states = 0;
  let transitions = 0;
  let ends = 0;
  for (const [name, setting] of settings) {
    const explored = explore(setting, how);
    t.equal(explored.counterexample, null, name);
    t.ok(explored.ends > 0, 'it has an end');
    states += explored.states;
    transitions += explored.transitions;
    ends += explored.ends;
  }
  t.comment(`${settings.length} settings: ${states} states, ${transitions} transitions, ${ends} ends`);
}
