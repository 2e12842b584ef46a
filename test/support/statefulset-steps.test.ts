import t from 'tap';
import type { Pod, StatefulSet } from './kubernetes-api/objects.ts';
import { nextSteps, podOf } from './statefulset-steps.ts';

type Policy = 'Parallel' | 'OrderedReady';

const set = (replicas: number, podManagementPolicy: Policy, image = 'redis:7'): StatefulSet => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'redis', namespace: 'test', uid: 'set' },
  spec: {
    replicas,
    podManagementPolicy,
    selector: { matchLabels: { app: 'redis' } },
    template: { metadata: { labels: { app: 'redis' } }, spec: { containers: [{ name: 'redis', image }] } },
    volumeClaimTemplates: [{ metadata: { name: 'data' } }],
  },
});

type State = 'ready' | 'starting' | 'ending';

const pod = (ordinal: number, state: State = 'ready', of = set(3, 'Parallel')): Pod => {
  const made = podOf(of, `redis-${ordinal}`);
  const ending = state === 'ending' && { deletionTimestamp: '2026-01-01T00:00:00Z' };
  return {
    ...made,
    metadata: { ...made.metadata, uid: `uid-${ordinal}`, ...ending },
    status: { conditions: [{ type: 'Ready', status: state === 'starting' ? 'False' : 'True' }] },
  };
};
const create = (ordinal: number) => ({ kind: 'create', pod: `redis-${ordinal}` });
const remove = (ordinal: number) => ({ kind: 'delete', pod: `redis-${ordinal}`, uid: `uid-${ordinal}` });

const cases: [string, Policy, number, Pod[], object[]][] = [
  ['all at once', 'Parallel', 3, [], [create(0), create(1), create(2)]],
  ['only the missing', 'Parallel', 3, [pod(1)], [create(0), create(2)]],
  ['none while the old one ends', 'Parallel', 1, [pod(0, 'ending')], []],
  ['the first first', 'OrderedReady', 3, [], [create(0)]],
  ['nothing until it is ready', 'OrderedReady', 3, [pod(0, 'starting')], []],
  ['then the next', 'OrderedReady', 3, [pod(0)], [create(1)]],
  ['a gap before anything else', 'OrderedReady', 3, [pod(0), pod(2)], [create(1)]],
  ['an ending one is waited for', 'OrderedReady', 3, [pod(0, 'ending'), pod(1), pod(2)], []],
  ['all surplus at once', 'Parallel', 1, [pod(0), pod(1), pod(2)], [remove(2), remove(1)]],
  ['the highest surplus', 'OrderedReady', 1, [pod(0), pod(1), pod(2)], [remove(2)]],
  ['nothing when all is well', 'OrderedReady', 3, [pod(0), pod(1), pod(2)], []],
];
for (const [name, policy, replicas, pods, steps] of cases)
  t.test(`${policy}: ${name}`, async (t) => {
    t.same(nextSteps(set(replicas, policy), pods), steps);
  });

t.test('a new template replaces the pods from the highest on, one by one', async (t) => {
  const changed = set(3, 'Parallel', 'redis:8');
  t.same(nextSteps(changed, [pod(0), pod(1), pod(2)]), [remove(2)]);
  t.same(nextSteps(changed, [pod(0), pod(1), pod(2, 'ending')]), []);
  t.same(nextSteps(changed, [pod(0), pod(1), pod(2, 'starting', changed)]), []);
  t.same(nextSteps(changed, [pod(0), pod(1), pod(2, 'ready', changed)]), [remove(1)]);
});

t.test('pods of others do not count', async (t) => {
  const other = { ...set(1, 'Parallel'), metadata: { name: 'redis', namespace: 'test', uid: 'other' } };
  t.same(nextSteps(other, [pod(0)]), [create(0)]);
});

t.test('a pod has its owner, its labels and its claims', async (t) => {
  t.match(podOf(set(1, 'Parallel'), 'redis-0'), {
    metadata: {
      name: 'redis-0',
      namespace: 'test',
      labels: {
        app: 'redis',
        'statefulset.kubernetes.io/pod-name': 'redis-0',
        'apps.kubernetes.io/pod-index': '0',
      },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'redis', uid: 'set', controller: true },
      ],
    },
    spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-redis-0' } }] },
  });
});
