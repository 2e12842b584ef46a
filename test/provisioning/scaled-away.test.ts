import t from 'tap';
import { scaledAway } from '../../src/provisioning/scaled-away.ts';
import { type StatefulSetView, viewStatefulSet } from '../../src/provisioning/views.ts';
import { statefulSet, view } from './builders.ts';

const entries = { 'redis-0': 'a', 'redis-2': 'c', 'redis-3': 'd', 'redis-10': 'k' };
const gone = ['redis-3', 'redis-10'];
const seen = (shape: Parameters<typeof view>[1], name = 'redis') => [view(name, shape)];

const table: [string, StatefulSetView[], string[]][] = [
  ['above the replicas', seen({}), gone],
  ['a first ordinal counts', seen({ start: 2 }), ['redis-10']],
  ['below the first ordinal is not above', seen({ start: 9, replicas: 2 }), []],
  ['absent: deleted with --cascade=orphan', [], []],
  ['another one', seen({}, 'other'), []],
  ['not labelled', seen({ labels: {} }), []],
  [
    'labelled on the template',
    seen({ labels: {}, podLabels: { 'redis-ip-updater.io/inject': 'true' } }),
    gone,
  ],
  ['"false" on the template wins', seen({ podLabels: { 'redis-ip-updater.io/inject': 'false' } }), []],
  ['being deleted', seen({ deleting: true }), []],
  [
    'the controller has not seen the spec',
    seen({ generation: 2, status: { observedGeneration: 1, replicas: 3 } }),
    [],
  ],
  ['no status yet', seen({ status: { replicas: 0 } }), []],
  ['a pod too many is left', seen({ status: { observedGeneration: 1, replicas: 4 } }), []],
  [
    'fewer pods than wanted: a rolling restart',
    seen({ status: { observedGeneration: 1, replicas: 2 } }),
    gone,
  ],
  ['at zero a cluster is stopped, not scaled', seen({ replicas: 0 }), []],
];
for (const [name, statefulSets, expected] of table) {
  t.test(name, async (t) => {
    t.same(
      scaledAway(entries, statefulSets).map(({ pod }) => pod),
      expected,
    );
  });
}

t.test('replicas not given are one', async (t) => {
  const { metadata, spec, status } = statefulSet('redis', { replicas: 1 });
  const { replicas: _, ...rest } = spec ?? {};
  const [entry] = scaledAway({ 'redis-0': 'a', 'redis-1': 'b' }, [
    viewStatefulSet({ metadata, spec: rest as typeof spec, status }),
  ]);
  t.equal(entry?.pod, 'redis-1');
});

t.test('names are matched whole', async (t) => {
  const pods = (entries: Record<string, string>, ...names: string[]) =>
    scaledAway(
      entries,
      names.map((name) => view(name, { replicas: 1 })),
    ).map(({ pod }) => pod);
  t.same(pods({ 'redis-1-0': 'a', 'redis-1-1': 'b' }, 'redis'), [], 'pods of redis-1, not of redis');
  t.same(pods({ 'redis-1-0': 'a', 'redis-1-1': 'b' }, 'redis', 'redis-1'), ['redis-1-1']);
  t.same(pods({ 'redis-1': 'b' }, 'redis', 'redis-1'), ['redis-1'], 'a pod of redis, whatever redis-1 is');
  t.same(pods({ 'redis-01': 'a', 'redis-': 'b', redis: 'c', '-1': 'd', 'redis-1x': 'e' }, 'redis'), []);
  t.same(pods({ 'nodes.txt': 'a', __proto__: 'b', 'constructor-5': 'c' }, 'redis'), []);
});

t.test('it is told with its value, to be removed only if it is still that', async (t) => {
  t.same(scaledAway({ 'redis-3': 'd' }, [view('redis')]), [
    { pod: 'redis-3', id: 'd', statefulSet: 'redis', ordinal: 3 },
  ]);
});
