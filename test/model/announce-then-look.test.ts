import t from 'tap';
import { explore } from './explore.ts';
import type { Mutation, Setting } from './world.ts';

const restarts: Setting['restarts'][] = [
  ['deleted', 'deleted', 'deleted'],
  ['rebooted', 'rebooted', 'rebooted'],
  ['deleted', 'rebooted', 'rebooted'],
];
const newIps: Record<string, number[]> = { 'new addresses': [7, 8, 9], 'swapped addresses': [1, 2, 0] };
const maps: Record<string, number[]> = { 'a full map': [0, 1, 2], 'half a map': [0], 'an empty map': [] };
const mounts: Setting['mount'][] = ['current', 'stale'];

function settings(): [string, Setting][] {
  return restarts.flatMap((kinds) =>
    Object.entries(newIps).flatMap(([addresses, ips]) =>
      Object.entries(maps).flatMap(([map, recorded]) =>
        mounts.map((mount): [string, Setting] => [
          `${kinds.join(', ')}; ${addresses}; ${map}, mounted ${mount}`,
          { restarts: kinds, newIps: ips, recorded, mount },
        ]),
      ),
    ),
  );
}

t.test('of any two restarting nodes at least one resolves the other, under every interleaving', async (t) => {
  let states = 0;
  for (const [name, setting] of settings()) {
    const explored = explore(setting);
    states += explored.states;
    t.equal(explored.counterexample, null, `${name}: ${explored.states} states`);
    t.ok(explored.ends > 0);
  }
  t.comment(`${states} states in ${settings().length} settings of three nodes`);
});

t.test('each step is needed: without it there is a counterexample', async (t) => {
  const empty: Setting = { restarts: ['deleted', 'deleted'], newIps: [7, 8], recorded: [], mount: 'current' };
  const full: Setting = { ...empty, recorded: [0, 1] };
  const cases: [Mutation, Setting][] = [
    ['list before announce', full],
    ['no second list', empty],
    ['mounted map alone', empty],
  ];
  for (const [mutation, setting] of cases) {
    t.equal(explore(setting).counterexample, null, 'whole, the protocol stands');
    const { counterexample } = explore(setting, mutation);
    t.match(counterexample, /neither of 0 and 1 knows the other/, mutation);
    t.comment(`${mutation}: ${counterexample}`);
  }
});
