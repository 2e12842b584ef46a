/**
 * Whatever the map says, whatever pods there are and whatever the file held: no file that we rewrite names one
 * address for two nodes, and our own master is never at a pod that is neither injected nor named in nodes.txt.
 */
import fc from 'fast-check';
import t from 'tap';
import { parseNodeMap } from '../../src/addresses/node-map.ts';
import type { Pod } from '../../src/addresses/pod.ts';
import { type NodeLine, nodeLines } from '../../src/nodes-conf/document.ts';
import { documentOf } from '../nodes-conf/case.ts';
import { id, pod } from './builders.ts';
import { type Surroundings, wholeRun } from './whole-run.ts';

const RUNS = 5_000;
const OWN = 'redis-0';
const DISCARD = ['192.0.2.1', '100::1'];

// Few of everything, so that they meet.
const letters = ['a', 'b', 'c', 'd', 'e'];
const names = ['redis-1', 'redis-2', 'redis-3', 'cache-0', 'other-0', 'web'];
const ipv4 = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.9.0', '10.0.9.1', '10.0.9.2'];
const ipv6 = ['fd00::1', 'fd00::2', 'FD00:0::2', 'fd00::9'];
const anyIp = fc.constantFrom(...ipv4, ...ipv6);
const time = fc.constantFrom(0, 1000, 2000, 3000);
const often = (chance: number) => fc.integer({ min: 1, max: 100 }).map((dice) => dice <= chance);

const traits = fc.record({
  hasEnded: often(10),
  hostNetwork: often(20),
  ofStatefulSet: often(80),
  injected: often(50),
  updaterEnded: fc.boolean(),
  showsFormerAddress: often(10),
  sandboxReadyAt: time,
  revision: fc.nat(3),
});
const ips = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...ipv4).map((ip) => [ip]) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...ipv4), fc.constantFrom(...ipv6)) },
  { weight: 1, arbitrary: fc.constant([]) },
);
const peers = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), ips, traits), { selector: ([name]) => name })
  .map((all) => all.map(([name, list, changes]) => pod(name, [...list], changes)));

const anyId = fc.constantFrom(...letters, 'y').map(id);
const value = fc.oneof(
  { weight: 8, arbitrary: anyId },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', 'rubbish', 'B'.repeat(40), 'b'.repeat(39), 'b'.repeat(10_000)),
  },
  { weight: 1, arbitrary: fc.string() },
);
const key = fc.constantFrom(OWN, ...names, 'redis-9', '__proto__', 'constructor');
const line = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(anyId, fc.constantFrom(OWN, ...names)).map((parts) => parts.join(' ')) },
  { weight: 1, arbitrary: fc.string() },
);
const nodesTxt = fc.array(line, { maxLength: 4 }).map((lines) => lines.join('\n'));
const dataOf = (own: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.dictionary(key, value, { maxKeys: 7 }), own, often(60), fc.option(nodesTxt))
    .map(([keys, ownId, isRecorded, text]) => ({
      ...keys,
      // Else most runs would end as a conflict about ourselves.
      ...(isRecorded && { [OWN]: ownId }),
      ...(text !== null && { 'nodes.txt': text }),
    }));
const data = dataOf(fc.constant(id('a')));

const port = fc.constantFrom('6379', '6379', '6379', '6380', '0');
const address = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(anyIp, port).map(([ip, number]) => `${ip}:${number}@${number}`) },
  { weight: 1, arbitrary: fc.constant(':0@0') },
);
const verdict = fc.constantFrom('', '', ',fail', ',noaddr', ',fail?');
const file = fc
  .record({ isReplica: often(80), addresses: fc.tuple(...letters.map(() => address)), verdict })
  .map(({ isReplica, addresses, verdict }) => {
    const roles = letters.map((letter) => {
      if (letter === 'a') return isReplica ? `myself,slave ${id('b')}` : 'myself,master -';
      return letter === 'b' || !isReplica ? `master${verdict} -` : `slave${verdict} ${id('b')}`;
    });
    const lines = letters.map(
      (letter, at) => `${id(letter)} ${addresses[at]} ${roles[at]} 0 0 1 connected\n`,
    );
    return `${lines.join('')}vars currentEpoch 1 lastVoteEpoch 0\n`;
  });

const surroundings: fc.Arbitrary<Surroundings> = fc
  .record({
    ips: fc.constantFrom<[string, ...string[]]>(
      ['10.0.9.0'],
      ['10.0.9.0', 'fd00::9'],
      ['fd00::9', '10.0.9.0'],
    ),
    hostNetwork: often(20),
    others: peers,
    data,
    mounted: fc.option(data, { nil: undefined }),
    savedAt: time,
    outsideNodes: fc.constantFrom('park' as const, 'park' as const, 'keep' as const),
  })
  .map(({ others, hostNetwork, mounted, ...rest }) => ({
    ...rest,
    podName: OWN,
    pods: [pod(OWN, [...rest.ips], { hostNetwork, sandboxReadyAt: 3000, revision: 9 }), ...others],
    ...(mounted && { mounted }),
  }));

/** Addresses at which somebody may answer, each with its spelling made one. */
function dialled(text: string): string[] {
  return nodeLines(documentOf(text))
    .map(({ address }) => address)
    .filter(({ ip }) => ip !== '' && !DISCARD.includes(ip))
    .map(({ ip, port }) => `${ip.toLowerCase().replace(':0::', '::')} ${port}`);
}

/** Pods of the list that show the address of a line, whether they have it now or not. */
function shownBy({ address: { ip } }: NodeLine, pods: readonly Pod[]): Pod[] {
  const spell = (text: string) => text.toLowerCase().replace(':0::', '::');
  return pods.filter((one) => !one.hasEnded && one.ips.some((shown) => spell(shown) === spell(ip)));
}

/** Why our own master may stand where it does; `wrong` if nothing speaks for it. */
function masterStands(
  before: string,
  after: string,
  world: Surroundings,
  data: Record<string, string>,
): string {
  const of = (text: string) => nodeLines(documentOf(text)).find((line) => line.id === id('b')) as NodeLine;
  const { masterId } = documentOf(before).myself;
  const master = of(after);
  if (masterId === null) return 'we are a master';
  if (DISCARD.includes(master.address.ip)) return 'parked';
  const byHand = [data, world.mounted ?? {}].map((map) => parseNodeMap(map).byHand.get(masterId));
  const shown = shownBy(master, world.pods);
  if (shown.some(({ injected, name }) => injected && name !== OWN)) return 'injected';
  if (shown.some(({ name }) => byHand.includes(name))) return 'named in nodes.txt';
  if (master.address.ip !== of(before).address.ip) return 'wrong';
  const isSince = ({ ofStatefulSet, sandboxReadyAt, hostNetwork }: Pod) =>
    ofStatefulSet && (hostNetwork || sandboxReadyAt <= world.savedAt);
  if (shown.some((one) => one.name !== OWN && isSince(one))) return 'left with a pod that was there before';
  return shown.length === 0 && world.outsideNodes === 'keep' ? 'kept outside' : 'wrong';
}

t.test('arbitrary maps, pods and files', async (t) => {
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  /** The file after one run, in which everything holds that has to. */
  const checked = (before: string, world: Surroundings) => {
    const { outcome, text: after, data } = wholeRun(before, world);
    count(outcome.kind);
    if (outcome.kind !== 'resolved') {
      if (after !== before) throw new Error('refused, and yet the file is another');
      return { after, data };
    }
    const addresses = dialled(after);
    if (new Set(addresses).size < addresses.length) throw new Error(`one address twice:\n${after}`);
    const why = masterStands(before, after, world, data);
    if (why === 'wrong') throw new Error(`our master is at a stranger:\n${after}`);
    if (!world.ips.includes(documentOf(after).myself.address.ip)) throw new Error(`where are we?\n${after}`);
    count(why);
    for (const resolution of outcome.resolutions.values())
      count('reason' in resolution ? resolution.reason : resolution.kind);
    return { after, data };
  };
  fc.assert(
    fc.property(file, surroundings, (before, world) => {
      const first = checked(before, world);
      // The first may fill ports that were zero, and so tell lines apart that it had to hold for one.
      const second = checked(first.after, { ...world, data: first.data });
      return checked(second.after, { ...world, data: second.data }).after === second.after;
    }),
    { numRuns: RUNS },
  );
  for (const [what, times] of [...counts].sort()) t.comment(`${what}: ${times}`);
  t.comment(`${RUNS} cases, three runs each`);
  const met = [
    ...['resolved', 'refused', 'parked', 'injected', 'named in nodes.txt', 'kept outside'],
    ...['left with a pod that was there before', 'master-not-injected', 'address-of-other-line'],
  ];
  for (const what of met) t.ok((counts.get(what) ?? 0) > 0, `met: ${what}`);
});
