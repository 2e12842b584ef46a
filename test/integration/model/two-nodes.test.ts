/** Two nodes among strangers, with files of any age, and as a restored snapshot: every interleaving. */
import t from 'tap';
import { assertHolds } from '../../model/assert-holds.ts';
import type { Restart, Stranger } from '../../model/setting.ts';
import { combinations, type Named } from '../../model/settings.ts';

/** The replica's, the master's. */
const restarts: Restart[][][] = [
  [['deleted'], ['deleted']],
  [['deleted'], ['rebooted']],
  [['rebooted'], ['crashed']],
  [['crashed'], ['deleted']],
  [['terminated'], ['terminated']],
];
const full = [['recorded', 'recorded']] as const;
const partial = [
  ['recorded', 'never recorded'],
  ['never recorded', 'recorded'],
  ['never recorded', 'never recorded'],
  ['recorded', 'not injected'],
  ['not injected', 'recorded'],
  ['not injected', 'not injected'],
] as const;
const newIps = [[2], [3]];
const swappedIps = [[1], [0]];
const sameIps = [[0], [1]];

t.test('files that are saved when the server stops', async (t) => {
  const ips = [newIps, swappedIps, sameIps];
  assertHolds(t, combinations([...full, ...partial], restarts, ips, { savesAtStop: true }));
});

t.test('strangers at an old address, whether the API shows them or not', async (t) => {
  const strangers: Stranger[] = ['outside', 'a pod', 'a StatefulSet pod', 'an injected pod'];
  const settings = combinations([...full, ...partial], restarts, [newIps, swappedIps]);
  const withStrangers = strangers.flatMap((is) =>
    [0, 1].flatMap((ip) =>
      settings.map(
        ([name, setting]): Named => [`${name}; ${is} at ${ip}`, { ...setting, stranger: { is, ip } }],
      ),
    ),
  );
  assertHolds(t, withStrangers);
});

t.test('a restored snapshot whose nodes restart', async (t) => {
  const again: Restart[][][] = [
    [['deleted'], ['rebooted']],
    [['crashed'], ['deleted']],
  ];
  const ips = [
    [2, 4],
    [3, 5],
  ];
  const before = [...full, ['recorded', 'never recorded'], ['never recorded', 'never recorded']] as const;
  assertHolds(t, combinations(before, again, [ips], { isRestored: true, patchesComeLate: true }));
});
