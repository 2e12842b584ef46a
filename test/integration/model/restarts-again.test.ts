/**
 * Nodes that go down again while their updater runs, or after, or while others restart; what a dead updater has
 * sent may still arrive. Every interleaving.
 */
import t from 'tap';
import { assertHolds } from '../../model/assert-holds.ts';
import type { Restart } from '../../model/setting.ts';
import { combinations } from '../../model/settings.ts';

const late = { patchesComeLate: true };
const newIps = [
  [2, 4],
  [3, 5],
];
const swappedIps = [
  [1, 0],
  [0, 1],
];
const twice: Restart[][] = [
  ['deleted', 'rebooted'],
  ['rebooted', 'deleted'],
  ['terminated', 'crashed'],
  ['crashed', 'process'],
  ['deleted', 'process'],
];
const bothTwice = twice.flatMap((first) => twice.map((second) => [first, second] as const));

t.test('both of two, all in the map', async (t) => {
  const restarts = [
    ...bothTwice,
    [
      ['rebooted', 'rebooted'],
      ['rebooted', 'rebooted'],
    ],
  ] as const;
  assertHolds(t, combinations([['recorded', 'recorded']], restarts, [newIps, swappedIps], late));
});

t.test('both of two, not all in the map', async (t) => {
  const before = [
    ['never recorded', 'recorded'],
    ['never recorded', 'never recorded'],
    ['not injected', 'not injected'],
  ] as const;
  const restarts: Restart[][][] = [
    [['deleted', 'rebooted'], ['deleted']],
    [
      ['deleted', 'rebooted'],
      ['deleted', 'process'],
    ],
    [
      ['rebooted', 'deleted'],
      ['rebooted', 'process'],
    ],
    [
      ['deleted', 'process'],
      ['terminated', 'crashed'],
    ],
  ];
  assertHolds(t, combinations(before, restarts, [newIps, swappedIps], late));
});

t.test('one of three', async (t) => {
  const restarts: Restart[][][] = [
    [['deleted', 'rebooted'], ['rebooted'], ['deleted']],
    [['rebooted', 'deleted'], ['rebooted'], ['rebooted']],
  ];
  const ips = [
    [[3, 6], [4], [5]],
    [[1, 0], [2], [0]],
  ];
  assertHolds(t, combinations([['recorded', 'recorded', 'recorded']], restarts, ips, late));
});
