import t from 'tap';
import type { Pod } from '../../src/addresses/pod.ts';
import { indexPods } from '../../src/addresses/pod-index.ts';
import { type Knowledge, resolve, resolveWithoutApi } from '../../src/addresses/resolve.ts';
import { id, map, pod } from './builders.ts';

const own = pod('redis-0', '10.0.9.0');

/** What becomes of one line about node b, seen from redis-0 (node a). */
function peer(ip: string, pods: Pod[], changes: Partial<Knowledge> = {}, port = '6379') {
  const knowledge: Knowledge = {
    map: map({ 'redis-0': 'a', 'redis-1': 'b' }),
    pods: indexPods([own, ...pods]),
    self: { podName: 'redis-0', ips: ['10.0.9.0'] },
    outsideNodes: 'park',
    ...changes,
  };
  const lines = [
    { id: id('a'), ip: '10.0.0.1', port: '6379' },
    { id: id('b'), ip, port },
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
    'injected or not, where it is not our master',
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
  const withPort = (port: string) => peer('10.0.0.2', [], { pods: ownOnHost }, port);
  t.same(withPort('6380'), freshAt('10.0.9.0'), 'even ours');
  for (const port of ['6379', '0', ''])
    t.same(withPort(port), parkedFor('address-of-other-line'), `but not with our port (${port})`);
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

t.test('our own master: only in a pod that is injected, or that nodes.txt names for it', async (t) => {
  const masterId = id('b');
  const loose = pod('redis-1', '10.0.9.1', { injected: false });
  const become = (nodesTxt: string, pods = [loose]) =>
    peer('10.0.0.2', pods, { masterId, map: map({ 'redis-0': 'a', 'redis-1': 'b' }, nodesTxt) });
  t.same(become('', [pod('redis-1', '10.0.9.1')]), freshAt('10.0.9.1'));
  t.same(become(''), parkedFor('master-not-injected'));
  t.same(become(`${id('b')} redis-1`), freshAt('10.0.9.1'), 'the key says what a person says too');
  t.same(become(`${id('c')} redis-1`), parkedFor('master-not-injected'), 'named, but for another node');
  t.same(become(`${id('b')} redis-7`), parkedFor('master-not-injected'), 'another pod is named');
  const twice = `${id('b')} redis-1\n${id('b')} redis-7`;
  t.same(become(twice), parkedFor('master-not-injected'), 'two pods are named');
  const byHandAlone = { masterId, map: map({ 'redis-0': 'a' }, `${id('b')} redis-1`) };
  t.same(peer('10.0.0.2', [loose], byHandAlone), freshAt('10.0.9.1'), 'the hand-made map');
});

t.test('our own master, not in the map: left only with a pod that was there when we saved', async (t) => {
  const holder = pod('redis-1', '10.0.0.2', { injected: false, sandboxReadyAt: 2000 });
  const known = { map: onlySelf, masterId: id('b'), savedAt: 2000 };
  const left = { kind: 'unknown', pod: 'redis-1', reason: 'held-by-pod-not-injected' };
  t.same(peer('10.0.0.2', [holder], known), left);
  const later = { ...known, savedAt: 1999 };
  t.same(peer('10.0.0.2', [holder], later), parkedFor('master-not-injected'), 'it came later');
  t.same(peer('10.0.0.2', [holder], { ...later, masterId: id('c') }), left, 'not our master: left');
  const former = { ...holder, showsFormerAddress: true };
  t.same(peer('10.0.0.2', [former], known), parkedFor('master-not-injected'), 'it has moved');
  const onHost = { ...holder, hostNetwork: true };
  t.same(peer('10.0.0.2', [onHost], later), left, 'the address of its node, as ever');
});

t.test('of two lines with one address the one with more right keeps it, of equals none', async (t) => {
  const host = { hostNetwork: true };
  const become = (lines: [letter: string, ip: string, port: string][], pods: Pod[], nodeMap = onlySelf) =>
    [
      ...resolve(
        id('a'),
        [['a', '10.0.0.1', '6379'] as const, ...lines].map(([letter, ip, port]) => ({
          id: id(letter),
          ip,
          port,
        })),
        {
          map: nodeMap,
          pods: indexPods([own, ...pods]),
          self: { podName: 'redis-0', ips: ['10.0.9.0'] },
          outsideNodes: 'keep',
        },
      ).values(),
    ]
      .slice(1)
      .map((resolution) => ('reason' in resolution ? resolution.reason : resolution.kind));

  const both = map({ 'redis-1': 'b', 'redis-2': 'c' });
  const onOneNode = [
    pod('redis-1', '10.0.9.1', { ...host, sandboxReadyAt: 2000 }),
    pod('redis-2', '10.0.9.1', { ...host, sandboxReadyAt: 1000 }),
  ];
  const lines = (port: string): [string, string, string][] => [
    ['b', '10.0.0.2', '6379'],
    ['c', '10.0.0.3', port],
  ];
  t.same(become(lines('6379'), onOneNode, both), ['fresh', 'address-of-other-line'], 'the later pod has it');
  t.same(become(lines('0'), onOneNode, both), ['fresh', 'address-of-other-line'], 'a zero port is filled');
  t.same(become(lines('6380'), onOneNode, both), ['fresh', 'fresh'], 'two servers on one node');

  const outside: [string, string, string][] = [
    ['b', '172.16.0.9', '6379'],
    ['c', '172.16.0.9', '6379'],
  ];
  t.same(become(outside, []), ['address-of-other-line', 'address-of-other-line'], 'nobody knows whose');
  const loose = pod('other-0', '10.0.9.1', { ...host, injected: false });
  const mixed: [string, string, string][] = [
    ['b', '10.0.0.2', '6379'],
    ['c', '10.0.9.1', '6379'],
  ];
  t.same(
    become(
      mixed,
      [pod('redis-1', '10.0.9.1', { ...host, sandboxReadyAt: 0 }), loose],
      map({ 'redis-1': 'b' }),
    ),
    ['fresh', 'address-of-other-line'],
    'the map before the file',
  );
});

t.test('without the API: our own line, and who is written at our address now', async (t) => {
  const self = { podName: 'redis-0', ips: ['10.0.0.2'] as [string] };
  const lines = ['a', 'b', 'c'].map((letter, at) => ({ id: id(letter), ip: `10.0.0.${at + 1}`, port: '1' }));
  const resolutions = resolveWithoutApi(id('a'), lines, self);
  t.same(
    [...resolutions.values()],
    [
      { kind: 'self', ip: '10.0.0.2' },
      parkedFor('address-of-other-line', null),
      { kind: 'unknown', pod: null, reason: 'api-silent' },
    ],
  );
});
