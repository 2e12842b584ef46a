/** Three nodes that restart once each, at any time: every interleaving. */
import t from 'tap';
import { assertHolds } from '../../model/assert-holds.ts';
import type { Restart } from '../../model/setting.ts';
import { combinations } from '../../model/settings.ts';

const deleted: Restart[][] = [['deleted'], ['deleted'], ['deleted']];
const rebooted: Restart[][] = [['rebooted'], ['rebooted'], ['rebooted']];
const mixed: Restart[][] = [['deleted'], ['rebooted'], ['crashed']];
const newIps = [[3], [4], [5]];
/** Each gets the address that another had. */
const swappedIps = [[1], [2], [0]];

t.test('all are in the map', async (t) => {
  const all = [deleted, rebooted, mixed, [['terminated'], ['crashed'], ['rebooted']]] as const;
  assertHolds(t, combinations([['recorded', 'recorded', 'recorded']], all, [newIps, swappedIps]));
});

t.test('one is in the map', async (t) => {
  const before = [['recorded', 'never recorded', 'never recorded']] as const;
  assertHolds(t, combinations(before, [deleted, mixed], [newIps, swappedIps]));
  assertHolds(t, combinations(before, [rebooted], [swappedIps]));
});

t.test('none is in the map', async (t) => {
  const before = [['never recorded', 'never recorded', 'never recorded']] as const;
  assertHolds(t, combinations(before, [deleted, rebooted, mixed], [newIps, swappedIps]));
});

t.test('none is injected', async (t) => {
  const before = [['not injected', 'not injected', 'not injected']] as const;
  assertHolds(t, combinations(before, [deleted], [newIps, swappedIps]));
});

t.test('a stranger among them', async (t) => {
  const stranger = { is: 'a StatefulSet pod', ip: 1 } as const;
  assertHolds(t, combinations([['recorded', 'recorded', 'recorded']], [mixed], [newIps], { stranger }));
});
