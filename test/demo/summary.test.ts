import t from 'tap';
import { type Results, shortcomings, table } from './summary.ts';

const good = {
  recovered: true,
  healMs: 2000,
  replicationMs: 5500,
  keys: 10,
  keysIntact: 10,
  apiRequestsPerPod: 1,
};
const results = (change: Partial<Results> = {}): Results => ({
  withoutUpdater: { recovered: false, waitedMs: 15_000, foreignKeys: 100 },
  parallel: good,
  swapped: good,
  stranger: { ...good, foreignKeys: 0 },
  ...change,
});

t.test('all as it should be', async (t) => {
  t.same(shortcomings(results()), []);
});

const wrong: [Partial<Results>, string][] = [
  [
    { withoutUpdater: { recovered: true, waitedMs: 1, foreignKeys: 1 } },
    'without the updater the cluster healed',
  ],
  [
    { withoutUpdater: { recovered: false, waitedMs: 1, foreignKeys: 0 } },
    'without the updater no foreign key was seen',
  ],
  [{ parallel: { ...good, recovered: false } }, 'parallel: the cluster did not heal'],
  [{ swapped: { ...good, keysIntact: 8 } }, 'swapped: 2 keys are lost'],
  [{ parallel: { ...good, apiRequestsPerPod: 1.17 } }, 'parallel: a pod needs more than one API request'],
  [{ stranger: { ...good, foreignKeys: 1 } }, 'stranger: foreign keys got in'],
  [{ baseline: { ...good, recovered: false } }, 'baseline: the cluster did not heal'],
];
for (const [change, shortcoming] of wrong)
  t.test(shortcoming, async (t) => {
    t.same(shortcomings(results(change)), [shortcoming]);
  });

t.test('the table has a line per act, in columns', async (t) => {
  const lines = table(results({ swapped: { ...good, recovered: false, healMs: 60_000 } }));
  t.equal(lines.length, 5);
  t.match(lines[1], /never \(15\.0 s watched\)/);
  t.match(lines[2], /2\.0 s .*5\.5 s .*10 of 10/);
  t.match(lines[3], /not in 60\.0 s/);
  t.equal(new Set(lines.slice(2).map((line) => line.indexOf('10 of 10'))).size, 1);
});
