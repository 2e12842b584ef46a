import t from 'tap';
import { otherClaim, parseNodeMap } from '../../src/addresses/node-map.ts';
import { id } from './builders.ts';

t.test('keys name pods; nodes.txt fills what no key says', async (t) => {
  const map = parseNodeMap({
    'redis-0': `${id('a')}\n`,
    'nodes.txt': `# made by hand\n\n${id('b')} redis-1\r\n  ${id('c')}\tredis-2 # the third\n`,
  });
  t.same(
    [...map.podOfId],
    [
      [id('a'), 'redis-0'],
      [id('b'), 'redis-1'],
      [id('c'), 'redis-2'],
    ],
  );
  t.same([...map.recorded], [['redis-0', id('a')]]);
  t.same([...map.entryOfPod.keys()].sort(), ['redis-0', 'redis-1', 'redis-2']);
  t.same(map.problems, []);
  t.same(map.entryOfPod.get('redis-1'), { id: id('b'), pod: 'redis-1', line: 3 });
  t.same(map.entryOfPod.get('redis-0'), { id: id('a'), pod: 'redis-0', line: null });
});

t.test('a key counts before a line of nodes.txt about the same pod or id', async (t) => {
  const map = parseNodeMap({
    'redis-0': id('a'),
    'nodes.txt': `${id('b')} redis-0\n${id('a')} redis-7\n`,
  });
  t.same([...map.podOfId], [[id('a'), 'redis-0']]);
  t.equal(otherClaim(map, id('a'), 'redis-0'), undefined);
});

t.test('an id or a pod that occurs twice is not used and is reported', async (t) => {
  const twiceById = parseNodeMap({ 'redis-0': id('a'), 'redis-1': id('a'), 'redis-2': id('c') });
  t.same([...twiceById.podOfId], [[id('c'), 'redis-2']]);
  t.same(twiceById.problems, [
    `key redis-0 is not used: id ${id('a')} occurs more than once`,
    `key redis-1 is not used: id ${id('a')} occurs more than once`,
  ]);
  t.match(otherClaim(twiceById, id('a'), 'redis-0'), { pod: 'redis-1', line: null }, 'but both claim it');
  t.equal(otherClaim(twiceById, id('c'), 'redis-2'), undefined);

  const twiceByPod = parseNodeMap({ 'nodes.txt': `${id('a')} redis-0\n${id('b')} redis-0\n` });
  t.equal(twiceByPod.podOfId.size, 0);
  t.same(twiceByPod.problems, [
    'nodes.txt line 1 is not used: pod redis-0 occurs more than once',
    'nodes.txt line 2 is not used: pod redis-0 occurs more than once',
  ]);
});

t.test('what is no entry is reported, and nothing else is lost', async (t) => {
  const map = parseNodeMap({
    'redis-0': 'not-an-id',
    'redis-1': id('b'),
    'nodes.txt': `${id('c')}\nredis-2 ${id('c')}\n${id('d')} redis-3 more\n`,
  });
  t.same([...map.podOfId], [[id('b'), 'redis-1']]);
  t.same(map.problems, [
    'key redis-0 is not used: its value is not a node id',
    'nodes.txt line 1 is not used: it is not "<node id> <pod name>"',
    'nodes.txt line 2 is not used: it is not "<node id> <pod name>"',
    'nodes.txt line 3 is not used: it is not "<node id> <pod name>"',
  ]);
});

t.test('keys like __proto__ and constructor are data', async (t) => {
  const map = parseNodeMap(JSON.parse(`{"__proto__":"${id('a')}","constructor":"${id('b')}"}`));
  t.equal(map.podOfId.get(id('a')), '__proto__');
  t.equal(map.recorded.get('constructor'), id('b'));
  t.equal(map.entryOfPod.get('toString'), undefined);
});

t.test('an entry that says nothing usable still says that something is known of its pod', async (t) => {
  const map = parseNodeMap({
    'redis-0': 'cut',
    'nodes.txt': `${id('b')} redis-1\n${id('c')} redis-1\n${id('d')} redis-0\n`,
  });
  t.equal(map.podOfId.size, 0, 'the key of redis-0 counts before the line about it, bad as it is');
  t.match(map.entryOfPod.get('redis-0'), { id: 'cut', line: null });
  t.match(map.entryOfPod.get('redis-1'), { pod: 'redis-1' });
});

t.test('what a person wrote is known, whatever the keys say', async (t) => {
  const map = parseNodeMap({
    'redis-0': id('a'),
    'redis-1': id('c'),
    'nodes.txt': `${id('a')} redis-0\n${id('b')} redis-1\n${id('d')} redis-3\n${id('d')} redis-4\n`,
  });
  t.same(
    [...map.byHand],
    [
      [id('a'), 'redis-0'],
      [id('b'), 'redis-1'],
    ],
    'but for what it says twice',
  );
});

t.test('a name that no pod can have is none', async (t) => {
  const names = ['Redis-0', 'redis_0', '-redis', 'redis-', '../redis', '"redis"', 'r'.repeat(254)];
  const map = parseNodeMap({ 'nodes.txt': names.map((name) => `${id('a')} ${name}`).join('\n') });
  t.same(map.entries, []);
  t.equal(map.problems.length, names.length);
  t.equal(parseNodeMap({ 'nodes.txt': `${id('a')} ${'r'.repeat(253)}` }).entries.length, 1);
});

t.test('of very many problems the first ones are told, and how many more there are', async (t) => {
  const bytes = 1024 * 1024;
  const map = parseNodeMap({ 'redis-0': id('a'), 'nodes.txt': 'x\n'.repeat(bytes / 2) });
  t.equal(map.problems.length, 21);
  t.match(map.problems[0], /^nodes\.txt line 1 is not used/);
  t.equal(map.problems.at(-1), `${bytes / 2 - 20} more entries are not used`);
  t.same([...map.podOfId], [[id('a'), 'redis-0']]);
});
