import t from 'tap';
import { isLive, podFromApi } from '../../src/addresses/pod.ts';

const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', controller: true };

t.test('a listed pod, reduced to what the resolution needs', async (t) => {
  const pod = podFromApi({
    metadata: {
      name: 'redis-0',
      resourceVersion: '4711',
      labels: { 'redis-ip-updater.io/injected': 'true' },
      ownerReferences: [owner],
    },
    spec: {},
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
      startTime: '2026-01-01T00:00:00Z',
    },
  });
  t.same(pod, {
    name: 'redis-0',
    ips: ['10.0.0.1', 'fd00::1'],
    hasEnded: false,
    hostNetwork: false,
    ofStatefulSet: true,
    injected: true,
    startedAt: Date.parse('2026-01-01T00:00:00Z'),
    revision: 4711,
  });
});

t.test('a pod that is only just made has neither IP nor start', async (t) => {
  const pod = podFromApi({ metadata: { name: 'redis-0' } });
  t.match(pod, { ips: [], startedAt: 0, ofStatefulSet: false, injected: false });
  t.equal(isLive(pod), false);
});

t.test('live: an IP, and not ended; terminating pods are', async (t) => {
  const status = { podIP: '10.0.0.1' };
  t.equal(isLive(podFromApi({ status: { ...status, phase: 'Running' } })), true);
  t.equal(isLive(podFromApi({ status: { ...status, phase: 'Pending' } })), true);
  t.equal(isLive(podFromApi({ status: { ...status, phase: 'Unknown' } })), true);
  t.equal(isLive(podFromApi({ status: { ...status, phase: 'Succeeded' } })), false);
  t.equal(isLive(podFromApi({ status: { ...status, phase: 'Failed' } })), false);
});

t.test('only the controller, and only a StatefulSet of apps, makes a pod one of a StatefulSet', async (t) => {
  const isOf = (reference: object) =>
    podFromApi({ metadata: { ownerReferences: [{ ...owner, ...reference }] } }).ofStatefulSet;
  t.equal(isOf({}), true);
  t.equal(isOf({ apiVersion: 'apps/v1beta2' }), true);
  t.equal(isOf({ controller: false }), false);
  t.equal(isOf({ kind: 'ReplicaSet' }), false);
  t.equal(isOf({ apiVersion: 'apps.kruise.io/v1' }), false);
});

t.test('the latest sign of a start counts: after a reboot startTime is old', async (t) => {
  const startTime = '2026-01-01T00:00:00Z';
  const later = '2026-02-01T00:00:00Z';
  const startOf = (status: object) => podFromApi({ status: { startTime, ...status } }).startedAt;
  t.equal(startOf({}), Date.parse(startTime));
  t.equal(
    startOf({ initContainerStatuses: [{ state: { running: { startedAt: later } } }] }),
    Date.parse(later),
  );
  t.equal(
    startOf({ containerStatuses: [{ state: { terminated: { startedAt: later } } }] }),
    Date.parse(later),
  );
  const condition = { type: 'PodReadyToStartContainers', status: 'True', lastTransitionTime: later };
  t.equal(startOf({ conditions: [condition] }), Date.parse(later));
  t.equal(
    startOf({ conditions: [{ ...condition, status: 'False' }] }),
    Date.parse(startTime),
    'a sandbox that is gone',
  );
  t.equal(
    startOf({ conditions: [{ ...condition, type: 'Ready' }] }),
    Date.parse(startTime),
    'no start at all',
  );
  t.equal(startOf({ startTime: 'yesterday' }), 0);
});
