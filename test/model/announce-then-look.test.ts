/**
 * Every interleaving of two nodes: each may restart at any time, or not at all, with a mount as old as one likes.
 * More of them, three nodes and more restarts are in test/integration/model: they take longer.
 */
import t from 'tap';
import { assertHolds } from './assert-holds.ts';
import type { Restart } from './setting.ts';
import { combinations, type Named, node, pairs } from './settings.ts';

const newIps = [[2], [3]];

t.test('of two nodes at least one finds the other, and nobody takes another for it', async (t) => {
  const restarts = pairs<Restart[]>([['deleted'], ['terminated'], ['rebooted'], ['crashed']]);
  const before = [
    ['recorded', 'recorded'],
    ['recorded', 'never recorded'],
    ['never recorded', 'never recorded'],
    ['not injected', 'not injected'],
  ] as const;
  assertHolds(t, combinations(before, restarts, [newIps, [[1], [0]]]));
});

t.test('a lost volume of a recorded node is never started', async (t) => {
  const before = ['recorded', 'never recorded', 'not injected'] as const;
  const settings = before.flatMap((was) =>
    [0, 1].map((losesVolumeWith): Named => {
      const loser = node(was, ['deleted', 'deleted', 'process'], [0, 2, 4], { losesVolumeWith });
      const nodes = [loser, node(was, ['deleted'], [1, 3])];
      return [`${was}, lost with restart ${losesVolumeWith}`, { nodes, patchesComeLate: true }];
    }),
  );
  assertHolds(t, settings);
});

t.test('a snapshot restored elsewhere contacts none of the originals', async (t) => {
  const before = [
    ['recorded', 'recorded'],
    ['never recorded', 'never recorded'],
  ] as const;
  assertHolds(t, combinations(before, [[[], []]], [newIps], { isRestored: true }));
});

t.test('a cloned volume never serves beside the node that it was cloned from', async (t) => {
  const before = ['recorded', 'never recorded'] as const;
  const settings = before.map((was): Named => {
    const nodes = [
      node(was, ['deleted', 'process'], [0, 2]),
      node('never recorded', ['deleted', 'process'], [1, 3, 5], { cloneOf: 0 }),
    ];
    return [was, { nodes }];
  });
  assertHolds(t, settings);
});
