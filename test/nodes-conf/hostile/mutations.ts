/**
 * What may happen to a nodes.conf, as data: fast-check makes mutations from its seed, shrinks and prints them, and
 * `mutate` applies them. Places are any whole number, taken modulo what is there.
 */
import fc from 'fast-check';

/** Each row: the mutation's name, and the text (latin1, one character a byte) after it. */
const mutators = {
  'token replaced': (text: string, m: Numbers) => onField(text, m, () => m.token),
  'token appended to': (text: string, m: Numbers) => onField(text, m, (field) => field + m.token),
  'token prepended to': (text: string, m: Numbers) => onField(text, m, (field) => m.token + field),
  'token inserted': (text: string, m: Numbers) => onField(text, m, (field) => `${field} ${m.token}`),
  'token dropped': (text: string, m: Numbers) =>
    onFields(text, m.line, (fields) => fields.toSpliced(m.field % fields.length, 1)),
  'token doubled': (text: string, m: Numbers) => onField(text, m, (field) => `${field} ${field}`),
  'token in quotes': (text: string, m: Numbers) =>
    onField(text, m, (field) => (m.bit % 2 ? `"${field}"` : `'${field}'`)),
  'token in capitals': (text: string, m: Numbers) => onField(text, m, (field) => field.toUpperCase()),
  'tokens swapped': (text: string, m: Numbers) =>
    onField(text, m, () => fieldAt(text, { line: m.otherLine, field: m.field })),
  'ip replaced': (text: string, m: Numbers) => onAddress(text, m.line, (a) => a.replace(/^.*(?=:)/, m.ip)),
  'port replaced': (text: string, m: Numbers) =>
    onAddress(text, m.line, (a) => a.replace(/:\d*(?=@|,|$)/, `:${m.port}`)),
  'bus port replaced': (text: string, m: Numbers) =>
    onAddress(text, m.line, (a) => a.replace(/@\d*/, m.bit ? `@${m.port}` : '')),
  'aux replaced': (text: string, m: Numbers) => onAddress(text, m.line, (a) => a.replace(/,.*|$/, m.aux)),
  'address lost': (text: string, m: Numbers) =>
    onAddress(text, m.line, (a) => a.replace(/^[^,]*/, m.bit % 2 ? ':0@0' : ':0')),
  'flags replaced': (text: string, m: Numbers) => onField(text, { ...m, field: 2 }, () => m.flags),
  'flag added': (text: string, m: Numbers) =>
    onField(text, { ...m, field: 2 }, (flags) => `${flags},${m.flags}`),
  'slots added': (text: string, m: Numbers) => onFields(text, m.line, (fields) => [...fields, m.slots]),
  'id of another line': (text: string, m: Numbers) =>
    onField(text, { ...m, field: 0 }, () => fieldAt(text, { line: m.otherLine, field: 0 })),
  'master of another line': (text: string, m: Numbers) =>
    onField(text, { ...m, field: 3 }, () => fieldAt(text, { line: m.otherLine, field: m.bit % 2 ? 0 : 3 })),
  'line dropped': (text: string, m: Numbers) =>
    onLines(text, (lines) => lines.toSpliced(m.line % lines.length, 1)),
  'line doubled': (text: string, m: Numbers) =>
    onLines(text, (lines) => lines.toSpliced(m.otherLine, 0, pick(lines, m.line))),
  'line moved': (text: string, m: Numbers) =>
    onLines(text, (lines) =>
      lines.toSpliced(m.line % lines.length, 1).toSpliced(m.otherLine, 0, pick(lines, m.line)),
    ),
  'line inserted': (text: string, m: Numbers) =>
    onLines(text, (lines) => lines.toSpliced(m.otherLine % (lines.length + 1), 0, m.extra)),
  'line cut': (text: string, m: Numbers) => onLine(text, m.line, (line) => line.slice(0, at(line, m))),
  'line indented': (text: string, m: Numbers) => onLine(text, m.line, (line) => m.space + line),
  'line with space at its end': (text: string, m: Numbers) => onLine(text, m.line, (line) => line + m.space),
  'other space': (text: string, m: Numbers) =>
    onLine(text, m.line, (line) => (m.bit ? line.replaceAll(' ', m.space) : line.replace(' ', m.space))),
  'line with CR': (text: string, m: Numbers) => onLine(text, m.line, (line) => `${line}\r`),
  CRLF: (text: string) => text.replaceAll('\n', '\r\n'),
  'line ends lost': (text: string, m: Numbers) =>
    m.bit ? text.replace('\n', ' ') : text.replaceAll('\n', ''),
  'file cut': (text: string, m: Numbers) => text.slice(0, at(text, m)),
  'start lost': (text: string, m: Numbers) => text.slice(at(text, m)),
  'newlines at the end': (text: string, m: Numbers) => text + '\n'.repeat(1 + (m.line % 40)),
  'NULs at the end': (text: string, m: Numbers) => text + '\0'.repeat(1 + (m.line % 4096)),
  'NULs within': (text: string, m: Numbers) => overwrite(text, at(text, m), '\0'.repeat(1 + (m.line % 600))),
  'bit flipped': (text: string, m: Numbers) =>
    overwrite(text, at(text, m), String.fromCharCode(text.charCodeAt(at(text, m)) ^ (1 << (m.bit % 8)))),
  'byte inserted': (text: string, m: Numbers) => insert(text, at(text, m), String.fromCharCode(m.byte)),
  'bytes lost': (text: string, m: Numbers) =>
    text.slice(0, at(text, m)) + text.slice(at(text, m) + 1 + (m.line % 64)),
  'file within the file': (text: string, m: Numbers) => insert(text, at(text, m), text),
} satisfies Record<string, (text: string, numbers: Numbers) => string>;

export type Kind = keyof typeof mutators;
export type Mutation = { kind: Kind } & Numbers;
export const kinds = Object.keys(mutators) as Kind[];

/** The text after one mutation. */
export function mutate(text: string, mutation: Mutation): string {
  return text === '' ? text : mutators[mutation.kind](text, mutation);
}

const long = 'a'.repeat(40);
const ips = [
  ...['', '0.0.0.0', '255.255.255.255', '10.0.0.1', '256.1.1.1', '010.0.0.1', '10.0.0', '?'],
  ...[
    '::',
    '::1',
    'fd00::7',
    'FD00:0:0::7',
    '::ffff:10.0.0.1',
    'fe80::1%eth0',
    '[fd00::7]',
    'fd00::g',
    ':::::',
  ],
  ...[
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:255.255.255.255',
    'a..b',
    'x'.repeat(45),
    'x'.repeat(46),
    'x'.repeat(2000),
  ],
  ...[
    'a@b',
    'a:1@b',
    '"',
    "'",
    '$(id)',
    '\xc3\xa4\xe2\x82\xac',
    '\xa0',
    '\x85',
    '__proto__',
    '192.0.2.1',
    '100::1',
  ],
];
const ports = [
  ...['', '0', '00', '1', '6379', '55536', '65535', '65536', '99999', '9'.repeat(30), '-1', '-0', '+5'],
  ...['1e3', '0x10', '6379x', 'x', ' ', '6379:6379', '6379@16379', '6379@16379@26379', '@', ':', '\xb2'],
];
const auxes = [
  ...[
    '',
    ',',
    ',,',
    ',host',
    `,${'h'.repeat(255)}`,
    `,${'h'.repeat(20_000)}`,
    ',h\xc3\xa4',
    ',a:b@c',
    ',h"',
    ",h'",
  ],
  ...[`,,shard-id=${long}`, ',,shard-id=', ',h,shard-id', ',h,unknown=1', ',h,=', ',,,', ',h,nodename=a b'],
  ...[
    ',,tcp-port=7000,tls-port=0',
    ',,tls-port=x',
    ',,tcp-port=0',
    ',,tcp-port=1,tcp-port=2',
    ',,tls-port=-1',
  ],
  ...[',,tcp-port=99999', `,,tcp-port=${'9'.repeat(30)}`, ',,nodename=\xd0\xa0', ',,client-ipv4=10.0.0.1'],
];
const flagLists = [
  ...[
    'myself',
    'master',
    'slave',
    'myself,master',
    'myself,slave',
    'master,slave',
    'fail',
    'fail?',
    'fail,fail?',
  ],
  ...[
    'noaddr',
    'handshake',
    'nofailover',
    'noflags',
    'primary',
    'replica',
    'noaddr,fail,fail?',
    'handshake,noaddr',
  ],
  ...[
    '',
    ',',
    'myself,',
    'MASTER',
    'Myself',
    'master,master',
    'noaddr,noaddr',
    'unknown',
    '-',
    '"master"',
    'x,',
  ],
];
const slotLists = [
  ...[
    '0',
    '16383',
    '16384',
    '-1',
    '0-16383',
    '5-3',
    '0-99999',
    'x',
    '1-',
    '-',
    '1-2-3',
    '00007',
    '9'.repeat(30),
  ],
  ...[
    `[93->-${long}]`,
    `[93-<-${long}]`,
    '[93',
    '[',
    '[]',
    `[99999->-${long}]`,
    '[93->-x]',
    '1 3 5-7',
    '0 0 0-1',
  ],
];
const extraLines = [
  ...[
    '',
    ' ',
    '\t',
    '\0',
    '# comment',
    ';',
    'vars',
    'vars currentEpoch',
    'vars currentEpoch 1 lastVoteEpoch 2',
  ],
  ...[
    'vars currentEpoch -1 lastVoteEpoch x',
    `vars currentEpoch ${'9'.repeat(30)} lastVoteEpoch 0`,
    'VARS a 1',
  ],
  ...[
    'vars unknown 1',
    'log 1 2 3',
    'port 6379',
    long,
    `${long} :0@0 noaddr - 0 0 0 connected`,
    'vars  a  1',
  ],
  ...[
    `${long} 10.0.0.9:1@2 slave ${long} 0 0 0 connected`,
    'x'.repeat(20_000),
    '"',
    "'",
    '\xef\xbb\xbf',
    '1 2 3',
  ],
];
const spaces = ['  ', '\t', ' \t ', '\v', '\f', '\r', '\xa0', '\x85', '\0', '\x1b[2J', '   \t'];
const tokens = [
  ...ips,
  ...ports,
  ...auxes,
  ...flagLists,
  ...slotLists,
  ...spaces,
  '18446744073709551616',
  long,
];

type Numbers = {
  line: number;
  otherLine: number;
  field: number;
  bit: number;
  byte: number;
  /** A place in a text, in millionths of its length. */
  place: number;
  token: string;
  ip: string;
  port: string;
  aux: string;
  flags: string;
  slots: string;
  extra: string;
  space: string;
};

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom(...kinds),
  line: fc.nat(9999),
  otherLine: fc.nat(9),
  field: fc.nat(9),
  bit: fc.nat(7),
  byte: fc.nat(255),
  place: fc.nat(999_999),
  token: fc.constantFrom(...tokens),
  ip: fc.constantFrom(...ips),
  port: fc.constantFrom(...ports),
  aux: fc.constantFrom(...auxes),
  flags: fc.constantFrom(...flagLists),
  slots: fc.constantFrom(...slotLists),
  extra: fc.constantFrom(...extraLines),
  space: fc.constantFrom(...spaces),
});

function onLines(text: string, change: (lines: string[]) => string[]): string {
  const isEnded = text.endsWith('\n');
  const lines = (isEnded ? text.slice(0, -1) : text).split('\n');
  return change(lines).join('\n') + (isEnded ? '\n' : '');
}

function onLine(text: string, line: number, change: (line: string) => string): string {
  return onLines(text, (lines) => lines.with(line % lines.length, change(pick(lines, line))));
}

function onFields(text: string, line: number, change: (fields: string[]) => string[]): string {
  return onLine(text, line, (content) => change(content.split(' ')).join(' '));
}

function onField(text: string, { line, field }: Place, change: (field: string) => string): string {
  return onFields(text, line, (fields) => fields.with(field % fields.length, change(pick(fields, field))));
}

function onAddress(text: string, line: number, change: (address: string) => string): string {
  return onField(text, { line, field: 1 }, change);
}

type Place = { line: number; field: number };

function fieldAt(text: string, { line, field }: Place): string {
  return pick(pick(text.split('\n'), line).split(' '), field);
}

function pick(list: string[], index: number): string {
  return list[index % list.length] as string;
}

function at(text: string, { place }: { place: number }): number {
  return Math.floor((place / 1_000_000) * text.length);
}

function overwrite(text: string, start: number, by: string): string {
  return text.slice(0, start) + by + text.slice(start + by.length);
}

function insert(text: string, start: number, inserted: string): string {
  return text.slice(0, start) + inserted + text.slice(start);
}
