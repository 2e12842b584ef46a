/**
 * What somebody can do who can write the map, entry by entry: what becomes of the addresses in the file of redis-0,
 * a replica, whose master is node b. docs/threat-model.md tells it in words.
 */
import t from 'tap';
import { nodeLines } from '../../src/nodes-conf/document.ts';
import { documentOf } from '../nodes-conf/case.ts';
import { id, pod } from './builders.ts';
import { type Surroundings, wholeRun } from './whole-run.ts';

const SAVED_AT = 1000;
const PARKED = '192.0.2.1';

/** Nodes a, b, c and d in redis-0 to redis-3; b is the master of a, c that of d. All have new addresses. */
const file = (myself: string) =>
  [
    ['a', '10.0.0.1', `slave ${id('b')}`, ''],
    ['b', '10.0.0.2', 'master -', ' 0-8191'],
    ['c', '10.0.0.3', 'master -', ' 8192-16383'],
    ['d', '10.0.0.4', `slave ${id('c')}`, ''],
  ]
    .map(([letter = '', ip, role, slots]) => {
      const flags = `${letter === myself ? 'myself,' : ''}${role}`;
      return `${id(letter)} ${ip}:6379@16379 ${flags} 0 0 1 connected${slots}\n`;
    })
    .concat('vars currentEpoch 4 lastVoteEpoch 0\n')
    .join('');

const late = { injected: false, sandboxReadyAt: SAVED_AT + 1 };
const pods = [
  ...[0, 1, 2, 3].map((at) => pod(`redis-${at}`, `10.0.9.${at}`)),
  // Another cluster that is injected.
  pod('cache-0', '10.0.9.8'),
  // StatefulSets that are not ours: other-1 and other-2 got the former addresses of nodes b and c.
  pod('other-0', '10.0.9.7', late),
  pod('other-1', '10.0.0.2', late),
  pod('other-2', '10.0.0.3', late),
  pod('web', '10.0.9.6', { ...late, ofStatefulSet: false }),
];
const full = {
  'redis-0': id('a'),
  'redis-1': id('b'),
  'redis-2': id('c'),
  'redis-3': id('d'),
  'cache-0': id('x'),
};

type Data = Record<string, string | undefined>;

/** The run of the updater in one pod, with the map as the writer left it. */
function run(changes: Data, at = 0) {
  const data = Object.fromEntries(
    Object.entries({ ...full, ...changes }).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  const surroundings: Surroundings = {
    podName: `redis-${at}`,
    ips: [`10.0.9.${at}`],
    pods,
    data,
    savedAt: SAVED_AT,
  };
  return { before: data, ...wholeRun(file('abcd'[at] as string), surroundings) };
}

/** `b c d`: where each peer is in the file afterwards, short: `.1` for 10.0.9.1, `-` for parked. */
function become(changes: Data): string {
  const { outcome, text } = run(changes);
  if (outcome.kind === 'refused') return outcome.refusal.kind;
  const [myself, ...peers] = nodeLines(documentOf(text)).map(({ address }) => address.ip);
  if (myself !== '10.0.9.0') return `myself at ${myself}`;
  return peers.map((ip) => (ip === PARKED ? '-' : ip.replace('10.0.9', ''))).join(' ');
}

const huge = 'b'.repeat(900_000);
const table: [what: string, changes: Data, addresses: string][] = [
  ['nothing', {}, '.1 .2 .3'],

  ['removed: our own entry', { 'redis-0': undefined }, '.1 .2 .3'],
  ["removed: our master's, and a StatefulSet got its address", { 'redis-1': undefined }, '- .2 .3'],
  ["removed: a peer's, and a StatefulSet got its address", { 'redis-2': undefined }, '.1 10.0.0.3 .3'],
  ["removed: a peer's, and nobody has its address", { 'redis-3': undefined }, '.1 .2 -'],

  ['swapped: our master and another', { 'redis-1': id('c'), 'redis-2': id('b') }, '.2 .1 .3'],
  ['swapped: two peers', { 'redis-2': id('d'), 'redis-3': id('c') }, '.1 .3 .2'],
  ['swapped: our master and ourselves', { 'redis-0': id('b'), 'redis-1': id('a') }, 'identity-conflict'],

  ['foreign id: of another cluster', { 'redis-1': id('y') }, '- .2 .3'],
  ['foreign id: that of cache-0', { 'redis-1': id('x') }, '- .2 .3'],
  ['foreign pod: of another StatefulSet', { 'redis-1': undefined, 'other-0': id('b') }, '- .2 .3'],
  ['foreign pod: the one that got the address', { 'redis-1': undefined, 'other-1': id('b') }, '- .2 .3'],
  ['foreign pod: of no StatefulSet', { 'redis-1': undefined, web: id('b') }, '- .2 .3'],
  ['foreign pod: none of that name', { 'redis-1': undefined, 'redis-9': id('b') }, '- .2 .3'],
  ['foreign pod: of no StatefulSet, for a peer', { 'redis-3': undefined, web: id('d') }, '.1 .2 -'],
  ['foreign pod: of a StatefulSet, for a peer', { 'redis-3': undefined, 'other-0': id('d') }, '.1 .2 .7'],
  ['foreign pod: injected, of another cluster', { 'redis-1': undefined, 'cache-0': id('b') }, '.8 .2 .3'],
  [
    'foreign pod: by a line of nodes.txt',
    { 'redis-1': undefined, 'nodes.txt': `${id('b')} other-0` },
    '.7 .2 .3',
  ],
  ['by a line of nodes.txt, beside the key', { 'nodes.txt': `${id('b')} other-0` }, '.1 .2 .3'],

  ["twice: our master's id", { 'redis-2': id('b') }, '- 10.0.0.3 .3'],
  ["twice: a peer's id", { 'cache-0': id('d') }, '.1 .2 -'],
  ['twice: our own id', { 'redis-9': id('a') }, 'identity-conflict'],
  [
    'twice: a pod, in nodes.txt',
    { 'redis-1': undefined, 'redis-3': undefined, 'nodes.txt': `${id('b')} redis-1\n${id('d')} redis-1` },
    '- .2 -',
  ],
  ['every pod is node b', { 'redis-0': id('b'), 'redis-2': id('b'), 'redis-3': id('b') }, '- 10.0.0.3 -'],

  ['rubbish', { 'redis-1': 'rubbish' }, '- .2 .3'],
  ['nothing at all', { 'redis-1': '' }, '- .2 .3'],
  ['an address', { 'redis-1': '10.0.9.7' }, '- .2 .3'],
  ['an id that is cut', { 'redis-1': 'b'.repeat(39) }, '- .2 .3'],
  ['an id that is too long', { 'redis-1': 'b'.repeat(41) }, '- .2 .3'],
  ['an id in capitals', { 'redis-1': 'B'.repeat(40) }, '- .2 .3'],
  ['two ids', { 'redis-1': `${id('b')}\n${id('c')}` }, '- .2 .3'],
  ['an id with spaces around it', { 'redis-1': ` ${id('b')}\n` }, '.1 .2 .3'],
  ['a huge value', { 'redis-1': huge }, '- .2 .3'],
  ['a huge nodes.txt', { 'nodes.txt': `${id('b')} other-0 ${huge}` }, '.1 .2 .3'],
  ['a pod name with a path', { 'redis-1': undefined, 'nodes.txt': `${id('b')} ../redis-1` }, '- .2 .3'],
  ['keys that objects have', { constructor: id('b'), __proto__x: id('b'), toString: 'x' }, '- .2 .3'],
];

t.test('entry by entry: our master at b, peers at c and d', async (t) => {
  for (const [what, changes, addresses] of table) t.equal(become(changes), addresses, what);
  const wrong = table.map(([, , addresses]) => {
    const [master, ...others] = addresses
      .split(' ')
      .map((address, at) => !['-', `.${at + 1}`].includes(address));
    return { master, any: master || others.includes(true) };
  });
  // A run that is refused leaves the file as it was.
  const refused = table.filter(([, , addresses]) => addresses === 'identity-conflict').length;
  const count = (of: 'master' | 'any') => wrong.filter((row) => row[of]).length - refused;
  t.comment(
    `${table.length} ways to write the map; in ${refused} nothing is written; in ${count('any')} somebody is`,
  );
  t.comment(`written at a wrong address, in ${count('master')} of them our own master`);
});

t.test('whoever is named wrongly refuses to start, and says which entry', async (t) => {
  const swapped = { 'redis-1': id('c'), 'redis-2': id('b') };
  const stolen = { 'redis-1': undefined, 'cache-0': id('b') };
  const byHand = { 'redis-1': undefined, 'nodes.txt': `${id('b')} other-0` };
  const refusals: [Data, pod: number, other: object][] = [
    [swapped, 1, { id: id('b'), pod: 'redis-2', line: null }],
    [swapped, 2, { id: id('c'), pod: 'redis-1', line: null }],
    [stolen, 1, { id: id('b'), pod: 'cache-0', line: null }],
    [byHand, 1, { id: id('b'), pod: 'other-0', line: 1 }],
  ];
  for (const [changes, at, other] of refusals) {
    const { outcome, text, before, data } = run(changes, at);
    t.match(outcome, { kind: 'refused', refusal: { kind: 'identity-conflict', other } });
    t.equal(text, file('abcd'[at] as string), 'its file is as it was');
    t.same(data, before, 'and so is the map');
  }
});

t.test('a pod writes its own entry right at its next start, whatever was in it', async (t) => {
  for (const changes of [
    { 'redis-0': undefined },
    { 'redis-0': 'rubbish' },
    { 'redis-0': id('y') },
  ] as Data[])
    t.same(run(changes).data, full);
});
