import fc from 'fast-check';
import t from 'tap';
import { formatDocument, nodeLines, parseDocument } from '../../src/nodes-conf/document.ts';
import { nodesConf } from './arbitraries.ts';

const A = `${'a'.repeat(39)}1`;
const B = `${'b'.repeat(39)}2`;
const myself = `${A} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383\n`;
const replica = `${B} 10.0.0.2:6379@16379 slave ${A} 0 0 1 connected\n`;
const vars = 'vars currentEpoch 6 lastVoteEpoch 0\n';

function reasonOf(text: string): string {
  const parsed = parseDocument(text);
  return parsed.kind === 'refused' ? parsed.reason : parsed.kind;
}

t.test('format after parse is the identity', async (t) => {
  fc.assert(
    fc.property(nodesConf, (text) => {
      const parsed = parseDocument(text);
      return parsed.kind === 'document' && formatDocument(parsed.document) === text;
    }),
    { numRuns: 2000 },
  );
  t.pass('2000 generated files');
});

t.test('the lines of a file, in order, with what they say', async (t) => {
  const parsed = parseDocument(myself + replica + vars);
  t.equal(parsed.kind, 'document');
  if (parsed.kind !== 'document') return;
  const lines = nodeLines(parsed.document);
  t.same(
    lines.map(({ id, flags, masterId }) => ({ id, flags, masterId })),
    [
      { id: A, flags: ['myself', 'master'], masterId: null },
      { id: B, flags: ['slave'], masterId: A },
    ],
  );
  t.equal(parsed.document.myself, lines[0]);
});

t.test('an empty file is a new node, not a bad one', async (t) => {
  t.same(parseDocument(''), { kind: 'empty' });
});

t.test('what the servers refuse, or read with something missing, is refused with its line', async (t) => {
  const refused: Record<string, string> = {
    '\n': 'has no line with the flag myself',
    '\0\0\0\0': 'has no line with the flag myself',
    [replica + vars]: 'has no line with the flag myself',
    [myself + myself.replace(A, B) + vars]: `has 2 lines with the flag myself: ${A}, ${B}`,
    [myself.repeat(2000)]: `has 2000 lines with the flag myself: ${A}, ${A}, ${A}...`,
    [myself.replace('myself,master', 'myself') + vars]: 'has neither master nor slave on its line myself',
    [`${myself}${B} 10.0.0.2:6379@16379 slave - 0 0 1 connected\n${vars}`]:
      'line 2 is a replica without the id of its master',
    [`${myself}${B} 10.0.0.2:6379@16379 sla\n`]: 'line 2 is cut: it has 3 fields of at least 8',
    [`${myself}${B.slice(0, 12)}`]:
      'line 2 does not start with a node id of 40 characters nor with a known word',
    [`${myself}vars currentEpoch 6 lastVoteEpoch`]: 'line 2 is cut: vars needs a value for every name',
    [`${myself}vars currentEpoch 6`]: 'is cut: it ends in the middle of its last line',
    [myself.slice(0, -3)]: 'is cut: it ends in the middle of its last line',
    [`# a comment\n${myself}${vars}`]:
      'line 1 does not start with a node id of 40 characters nor with a known word',
    [`${A} 10.0.0.1 myself,master - 0 0 1 connected\n`]:
      'line 1 has no address ip:port@cport, but "10.0.0.1"',
    [`${myself.slice(0, 60)}\0${myself.slice(60)}`]: 'line 1 has a control character in it',
    [replica.replace(' slave', '\rslave')]: 'line 1 has a control character in it',
    [replica.replace('10.0.0.2', '\x9b2J10.0.0.2').replace(':', '')]:
      'line 1 has no address ip:port@cport, but "\\u009b2J10.0.0.26379@16379"',
    [replica.replace(' slave', '\x7f slave')]: 'line 1 has a control character in it',
    [replica.replace(B, `${B} "10.0.0.3:1@2"`)]: 'line 1 has a quotation mark in it',
    [replica.replace('slave', "'slave'")]: 'line 1 has a quotation mark in it',
    'REDIS0011\xfa\tredis-ver\n':
      'line 1 does not start with a node id of 40 characters nor with a known word',
    'port 6379\nbind 0.0.0.0\n': 'has no line with the flag myself',
  };
  for (const [text, reason] of Object.entries(refused))
    t.equal(reasonOf(text), reason, JSON.stringify(text.slice(-60)));
});

t.test('what the servers accept is accepted', async (t) => {
  const accepted = {
    'no final newline': (myself + vars).slice(0, -1),
    'no vars': myself + replica,
    CRLF: (myself + replica + vars).replaceAll('\n', '\r\n'),
    'newline padding of redis before 7.2': `${myself}${vars}\n\n\n\n`,
    'NUL padding': `${myself}${vars}\0\0\0\0`,
    'vars first': vars + myself,
    'log lines of the newest valkey': `${myself}${vars}log 1 2\nlog 3`,
    'migrating slots': myself.replace('0-16383', `0-16383 [93->-${B}] [94-<-${B}]`) + vars,
  };
  for (const [name, text] of Object.entries(accepted)) t.equal(reasonOf(text), 'document', name);
});

t.test('of a whole file, no prefix that loses a node or a slot without a line end is accepted', async (t) => {
  const text = myself + replica + vars;
  const whole = [myself.length, (myself + replica).length, text.length - 1, text.length];
  for (let length = 1; length < text.length; length += 1) {
    const accepted = reasonOf(text.slice(0, length)) === 'document';
    t.equal(accepted, whole.includes(length), `the first ${length} bytes`);
  }
});

/** Each took a quarter of an hour when the pattern for a line's end looked back from every byte. */
t.test('a megabyte of padding in the middle of a line is read once', async (t) => {
  const padding = 1_000_000;
  t.equal(reasonOf(`${'\0'.repeat(padding)}x\n`), 'line 1 has a control character in it');
  t.equal(reasonOf(`${A}${' '.repeat(padding)}x\n`), 'line 1 is cut: it has 2 fields of at least 8');
  t.equal(reasonOf(myself + vars + '\0'.repeat(padding)), 'document');
});
