/** What announce-then-look cannot do, each shown by the shortest way there, and that it is all of it. */
import t, { type Test } from 'tap';
import { assertHolds } from './assert-holds.ts';
import { explore, type How } from './explore.ts';
import type { Restart, Setting } from './setting.ts';
import { combinations, type Named, node } from './settings.ts';

const strict: How = { limit: 'is a violation' };
const newIps = [[2], [3]];

function assertLimit(t: Test, setting: Setting, broken: RegExp, how: How = {}): void {
  const { counterexample } = explore(setting, how);
  t.match(counterexample, broken);
  t.comment(counterexample);
}

/** The master (1) loses its machine, somebody gets its address, and the API still shows the master with it. */
t.test('a pod shows an address that it has no more, and whoever has it is not shown', async (t) => {
  const rebooted = combinations([['recorded', 'recorded']], [[['deleted'], ['rebooted']]], [newIps]);
  const [[, setting]] = rebooted as [Named];
  const outside: Setting = { ...setting, stranger: { is: 'outside', ip: 1 } };
  const takes = /loses its sandbox.*stranger outside the namespace gets 10.0.0.2.*that of the stranger$/s;
  assertLimit(t, outside, takes, strict);
  t.equal(explore(outside).counterexample, null, 'and nothing else');

  const kinds: Restart[] = ['terminated', 'rebooted', 'crashed'];
  for (const kind of kinds) {
    const [[, ours]] = combinations(
      [['recorded', 'recorded', 'recorded']],
      [[['deleted'], [kind], ['deleted']]],
      [[[3], [4], [1]]],
    ) as [Named];
    const unannounced = /redis-0 takes 10.0.0.2 for redis-1, and it is the address of redis-2$/;
    assertLimit(t, ours, unannounced, strict);
    t.equal(explore(ours).counterexample, null, 'and nothing else');
  }
});

t.test('pods that are deleted show no address that they have no more: no limit for them', async (t) => {
  const deleted: Restart[][][] = [[['deleted'], ['deleted']]];
  const befores = [
    ['recorded', 'recorded'],
    ['recorded', 'never recorded'],
    ['never recorded', 'never recorded'],
    ['not injected', 'not injected'],
  ] as const;
  const settings = combinations(befores, deleted, [newIps, [[1], [0]]]);
  assertHolds(t, settings, strict);
  const stranger = { is: 'outside', ip: 1 } as const;
  assertHolds(
    t,
    settings.map(([name, setting]): Named => [name, { ...setting, stranger }]),
    strict,
  );
});

t.test(
  'a peer that nobody has recorded, a stranger at its address, and a file saved after that',
  async (t) => {
    for (const is of ['a StatefulSet pod', 'an injected pod'] as const) {
      const setting = (before: 'recorded' | 'never recorded'): Setting => ({
        nodes: [node(before, ['deleted'], [0, 2], { master: 1 }), node(before, ['deleted'], [1, 3])],
        stranger: { is, ip: 1 },
        savesAtStop: true,
      });
      assertLimit(
        t,
        setting('never recorded'),
        /takes 10.0.0.2 for redis-1, and it is that of the stranger$/,
      );
      t.equal(explore(setting('recorded')).counterexample, null, 'recorded, it is not mistaken');
    }
  },
);

t.test('a clone whose entry was withdrawn, mounted from when it was there', async (t) => {
  const cloned: Setting = {
    nodes: [
      node('never recorded', ['deleted', 'process'], [0, 2]),
      node('never recorded', ['deleted', 'process'], [1, 3, 5], { cloneOf: 0 }),
    ],
  };
  assertLimit(t, { ...cloned, patchesComeLate: true }, /redis-1 serves beside the node whose id it has$/);
  t.equal(explore(cloned).counterexample, null, 'it takes a PATCH that comes after its sender is dead');
});
