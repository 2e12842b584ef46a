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
    updaterEnded: false,
    showsFormerAddress: false,
    sandboxReadyAt: Date.parse('2026-01-01T00:00:00Z'),
    revision: 4711,
  });
});

t.test('a pod that is only just made has neither IP nor start', async (t) => {
  const pod = podFromApi({ metadata: { name: 'redis-0' } });
  t.match(pod, { ips: [], sandboxReadyAt: 0, ofStatefulSet: false, injected: false });
  t.equal(isLive(pod), false);
});

t.test('its updater has ended where it let the server start, and in no other state', async (t) => {
  const ended = (name: string, state: object) =>
    podFromApi({ status: { initContainerStatuses: [{ name: 'mesh' }, { name, state }] } }).updaterEnded;
  t.equal(ended('redis-ip-updater', { terminated: { exitCode: 0 } }), true);
  t.equal(ended('redis-ip-updater', { terminated: { exitCode: 65 } }), false);
  t.equal(ended('redis-ip-updater', { running: {} }), false);
  t.equal(ended('redis-ip-updater', { waiting: {} }), false);
  t.equal(ended('another', { terminated: { exitCode: 0 } }), false);
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

const startTime = '2026-01-01T00:00:00Z';
const before = '2026-02-01T00:00:00Z';
const readyAt = '2026-02-01T00:00:10Z';
const after = '2026-02-01T00:00:11Z';
const sandbox = (status: string) => ({
  type: 'PodReadyToStartContainers',
  status,
  lastTransitionTime: readyAt,
});
const isFormer = (status: object) => podFromApi({ status: { startTime, ...status } }).showsFormerAddress;

t.test('a former address: no sandbox, or a new one in which nothing was started', async (t) => {
  const init = (state: object) => ({ conditions: [sandbox('True')], initContainerStatuses: [{ state }] });
  t.equal(isFormer({ conditions: [sandbox('False')] }), true, 'the sandbox is gone');
  t.equal(isFormer(init({ terminated: { startedAt: before } })), true, 'what ran, ran before');
  t.equal(isFormer(init({ running: { startedAt: after } })), false, 'something runs in it');
  t.equal(isFormer(init({ running: { startedAt: readyAt } })), false, 'in the same second');
  t.equal(isFormer(init({ waiting: { reason: 'CrashLoopBackOff' } })), false, 'held back, but announced');
  const main = {
    conditions: [sandbox('True')],
    containerStatuses: [{ state: { running: { startedAt: after } } }],
  };
  t.equal(isFormer(main), false, 'without init containers');
  t.equal(isFormer({}), false, 'no such condition: nothing is said');
  t.equal(isFormer({ conditions: [{ ...sandbox('False'), type: 'Ready' }] }), false, 'another condition');
});

t.test('the sandbox counts from its condition, where there is none from the latest start', async (t) => {
  const readyOf = (status: object) => podFromApi({ status }).sandboxReadyAt;
  t.equal(readyOf({ startTime, conditions: [sandbox('True')] }), Date.parse(readyAt));
  t.equal(readyOf({ startTime }), Date.parse(startTime));
  const init = { initContainerStatuses: [{ state: { running: { startedAt: after } } }] };
  t.equal(readyOf({ startTime, ...init }), Date.parse(after));
  t.equal(readyOf({ startTime, ...init, conditions: [sandbox('True')] }), Date.parse(readyAt));
  t.equal(readyOf({ startTime: 'yesterday' }), 0);
});
