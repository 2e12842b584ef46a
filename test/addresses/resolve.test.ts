import t from 'tap';
import type { Pod } from '../../src/addresses/pod.ts';
import { indexPods } from '../../src/addresses/pod-index.ts';
import { type Knowledge, resolve } from '../../src/addresses/resolve.ts';
import { id, map, pod } from './builders.ts';

const own = pod('redis-0', '10.0.9.0');

/** What becomes of one line about node b, seen from redis-0 (node a). */
function peer(ip: string, pods: Pod[], changes: Partial<Knowledge> = {}) {
  const knowledge: Knowledge = {
    map: map({ 'redis-0': 'a', 'redis-1': 'b' }),
    pods: indexPods([own, ...pods]),
    self: { podName: 'redis-0', ips: ['10.0.9.0'] },
    outsideNodes: 'park',
    ...changes,
  };
  const lines = [
    { id: id('a'), ip: '10.0.0.1' },
    { id: id('b'), ip },
  ];
  return resolve(id('a'), lines, knowledge).get(id('b'));
}

const freshAt = (ip: string) => ({ kind: 'fresh', ip, pod: 'redis-1' });
const parkedFor = (reason: string, name: string | null = 'redis-1') => ({
  kind: 'parked',
  ip: '192.0.2.1',
  pod: name,
  reason,
});
const onlySelf = map({ 'redis-0': 'a' });

t.test('myself: our own IP of the family that the line had, else the primary', async (t) => {
  const self = { podName: 'redis-0', ips: ['10.0.9.0', 'fd00::9'] as [string, string] };
  const become = (ip: string) =>
    resolve(id('a'), [{ id: id('a'), ip }], {
      map: onlySelf,
      pods: indexPods([]),
      self,
      outsideNodes: 'park',
    }).get(id('a'));
  t.same(become('10.0.0.1'), { kind: 'self', ip: '10.0.9.0' });
  t.same(become('fd00::1'), { kind: 'self', ip: 'fd00::9' });
  t.same(become(''), { kind: 'self', ip: '10.0.9.0' });
  const v4only = { ...self, ips: ['10.0.9.0'] as [string] };
  t.same(
    resolve(id('a'), [{ id: id('a'), ip: 'fd00::1' }], {
      map: onlySelf,
      pods: indexPods([]),
      self: v4only,
      outsideNodes: 'park',
    }).get(id('a')),
    { kind: 'self', ip: '10.0.9.0' },
  );
});

t.test('in the map, its pod live: fresh', async (t) => {
  t.same(peer('10.0.0.2', [pod('redis-1', '10.0.9.1')]), freshAt('10.0.9.1'));
  t.same(peer('', [pod('redis-1', '10.0.9.1')]), freshAt('10.0.9.1'));
  t.same(
    peer('10.0.0.2', [pod('redis-1', '10.0.9.1', { injected: false })]),
    freshAt('10.0.9.1'),
    'injected or not',
  );
  t.same(peer('fd00::2', [pod('redis-1', ['10.0.9.1', 'fd00::1'])]), freshAt('fd00::1'), 'the same family');
  t.same(peer('fd00::2', [pod('redis-1', '10.0.9.1')]), freshAt('10.0.9.1'), 'else the primary');
});

t.test('an empty address gets the family that the cluster speaks: that of myself', async (t) => {
  const self = { podName: 'redis-0', ips: ['10.0.9.0', 'fd00::9'] as [string, string] };
  const lines = [
    { id: id('a'), ip: 'fd00::1' },
    { id: id('b'), ip: '' },
  ];
  const become = (pods: Pod[]) =>
    resolve(id('a'), lines, {
      map: map({ 'redis-1': 'b' }),
      pods: indexPods(pods),
      self,
      outsideNodes: 'park',
    }).get(id('b'));
  t.same(become([pod('redis-1', ['10.0.9.1', 'fd00::91'])]), freshAt('fd00::91'));
  t.same(become([]), { ...parkedFor('not-live'), ip: '100::1' });
});

t.test('in the map, its pod not live: parked', async (t) => {
  t.same(peer('10.0.0.2', []), parkedFor('not-live'));
  t.same(peer('10.0.0.2', [pod('redis-1', '')]), parkedFor('not-live'));
  t.same(peer('10.0.0.2', [pod('redis-1', '10.0.9.1', { hasEnded: true })]), parkedFor('not-live'));
  t.same(peer('fd00::2', []), { ...parkedFor('not-live'), ip: '100::1' }, 'IPv6 has its own discard address');
});

t.test('in the map, its pod shows what is ours now: parked', async (t) => {
  t.same(peer('10.0.9.0', [pod('redis-1', '10.0.9.0')]), parkedFor('shows-our-ip'));
  t.same(
    peer('fd00::1', [pod('redis-1', ['10.0.9.1', 'FD00::0:9'])], {
      self: { podName: 'redis-0', ips: ['10.0.9.0', 'fd00::9'] },
    }),
    { ...parkedFor('shows-our-ip'), ip: '100::1' },
    'in any spelling and any family',
  );
});

t.test('in the map, its IP shown by another pod too: who has it is fresh, who had it parked', async (t) => {
  const rebooted = pod('redis-1', '10.0.9.1', { sandboxReadyAt: 1000, revision: 9 });
  const stranger = pod('stranger', '10.0.9.1', {
    sandboxReadyAt: 2000,
    revision: 5,
    ofStatefulSet: false,
    injected: false,
  });
  t.same(peer('10.0.0.2', [rebooted, stranger]), parkedFor('shows-ip-of-other-pod'));
  t.same(peer('10.0.0.2', [stranger, { ...rebooted, sandboxReadyAt: 3000 }]), freshAt('10.0.9.1'));
  t.same(
    peer('10.0.0.2', [{ ...rebooted, sandboxReadyAt: 2000 }, stranger]),
    freshAt('10.0.9.1'),
    'in one second: the later write',
  );
  t.same(
    peer('10.0.0.2', [{ ...stranger, hasEnded: true }, rebooted]),
    freshAt('10.0.9.1'),
    'an ended pod has no IP',
  );
});

t.test('pods on the host network share an IP by design', async (t) => {
  const host = { hostNetwork: true };
  t.same(
    peer('10.0.0.2', [
      pod('redis-1', '10.0.9.1', host),
      pod('agent', '10.0.9.1', { ...host, sandboxReadyAt: 2000 }),
    ]),
    freshAt('10.0.9.1'),
  );
  const ownOnHost = indexPods([pod('redis-0', '10.0.9.0', host), pod('redis-1', '10.0.9.0', host)]);
  t.same(peer('10.0.0.2', [], { pods: ownOnHost }), freshAt('10.0.9.0'), 'even ours');
  t.same(
    peer('10.0.0.2', [pod('redis-1', '10.0.9.0', host)]),
    parkedFor('shows-our-ip'),
    'but not where we are not on it',
  );
});

t.test('not in the map: unknown only while a pod that is not injected holds the address', async (t) => {
  const holder = pod('redis-1', '10.0.0.2', { injected: false });
  const unmapped = { map: onlySelf };
  t.same(peer('10.0.0.2', [holder], unmapped), {
    kind: 'unknown',
    pod: 'redis-1',
    reason: 'held-by-pod-not-injected',
  });
  t.same(peer('10.0.0.2', [{ ...holder, injected: true }], unmapped), parkedFor('not-in-map', null));
  t.same(peer('10.0.0.2', [{ ...holder, ofStatefulSet: false }], unmapped), parkedFor('not-in-map', null));
  t.same(peer('10.0.0.2', [{ ...holder, hasEnded: true }], unmapped), parkedFor('not-in-map', null));
  t.same(peer('10.0.0.2', [], unmapped), parkedFor('not-in-map', null));
  t.same(peer('', [], unmapped), parkedFor('not-in-map', null));
  t.same(
    peer('10.0.0.2', [holder], { map: map({ 'redis-0': 'a', 'redis-1': 'c' }) }),
    parkedFor('not-in-map', null),
    'a holder with another id',
  );
  t.same(
    peer('10.0.0.2', [holder, pod('late', '10.0.0.2', { sandboxReadyAt: 2000 })], unmapped),
    parkedFor('not-in-map', null),
    'who has the address no more',
  );
});

t.test('not in the map: unknown while a pod holds the address that started as a new node', async (t) => {
  const holder = pod('redis-1', '10.0.0.2', { updaterEnded: true, sandboxReadyAt: 2000 });
  const since = { map: onlySelf, startedBefore: new Map([['redis-1', 2000]]), savedAt: 2000 };
  const parked = parkedFor('not-in-map', null);
  t.same(peer('10.0.0.2', [holder], since), {
    kind: 'unknown',
    pod: 'redis-1',
    reason: 'held-by-pod-never-recorded',
  });
  t.same(peer('10.0.0.2', [holder], { ...since, startedBefore: new Map() }), parked, 'not seen before');
  t.same(peer('10.0.0.2', [{ ...holder, sandboxReadyAt: 3000 }], since), parked, 'it has restarted since');
  t.same(peer('10.0.0.2', [{ ...holder, showsFormerAddress: true }], since), parked, 'it restarts');
  t.same(peer('10.0.0.2', [holder], { ...since, savedAt: 1999 }), parked, 'the file is older than it');
  const recorded = { ...since, map: map({ 'redis-0': 'a', 'redis-1': 'c' }) };
  t.same(peer('10.0.0.2', [holder], recorded), parked, 'it has another id');
});

t.test('outside-nodes: keep leaves addresses that no live pod here has', async (t) => {
  const keep = { map: onlySelf, outsideNodes: 'keep' } as const;
  t.same(peer('172.16.0.9', [], keep), { kind: 'unknown', pod: null, reason: 'outside-node-kept' });
  t.same(
    peer('10.0.0.2', [pod('web', '10.0.0.2', { ofStatefulSet: false })], keep),
    parkedFor('not-in-map', null),
  );
  t.same(peer('', [], keep), parkedFor('not-in-map', null));
  t.same(
    peer('10.0.0.2', [], { outsideNodes: 'keep' }),
    parkedFor('not-live'),
    'a mapped peer is not outside',
  );
});

t.test('an entry counts only for a pod of a StatefulSet', async (t) => {
  const loose = pod('redis-1', '10.0.9.1', { ofStatefulSet: false });
  t.same(peer('10.0.0.2', [loose]), parkedFor('not-in-map', null));
});
