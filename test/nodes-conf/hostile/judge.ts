/** What must hold of every file that goes through us, and what is worth telling files apart by. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import { isIP } from 'node:net';
import { isZeroPort } from '../../../src/nodes-conf/address.ts';
import {
  type Document,
  formatDocument,
  type Line,
  type NodeLine,
  nodeLines,
  parseDocument,
} from '../../../src/nodes-conf/document.ts';
import { type Resolutions, rewrite } from '../../../src/nodes-conf/rewrite.ts';
import { resolutionsOf } from '../case.ts';
import { type HostileFile, textOf, type World, worldOf } from './files.ts';

export type Judged = {
  text: string;
  /** Null where we refuse the file, or there is nothing in it. */
  accepted: { after: string; world: World } | null;
  /** The behaviours that this file shows: each is a class. */
  classes: string[];
};

/** NET_IP_STR_LEN of the servers without its last byte: longer ones overflow, unchecked, what comes after. */
export const IP_CHARACTERS_AT_MOST = 45;

/** A file through all of our code. @throws AssertionError where something does not hold. */
export function judge(file: HostileFile): Judged {
  const text = textOf(file);
  const parsed = parseDocument(text);
  const by = (outcome: string) => [...new Set(file.mutations.map(({ kind }) => `${outcome} by ${kind}`))];
  if (parsed.kind === 'empty') return { text, accepted: null, classes: ['empty'] };
  if (parsed.kind === 'refused') {
    ok(parsed.reason.length < 300, 'the reason is short');
    ok(!/\p{C}/u.test(parsed.reason), 'and printable');
    const reason = `refused: ${parsed.reason.replace(/\d+|: .*|".*"/g, '')}`;
    return { text, accepted: null, classes: [reason, ...by(reason)] };
  }
  const { document } = parsed;
  strictEqual(formatDocument(document), text, 'lossless');
  const world = worldOf(document, file);
  const resolutions = resolutionsOf(document, world);
  const after = formatDocument(rewrite(document, resolutions).document);
  assertOnlyAddresses(document, after, resolutions);
  return {
    text,
    accepted: { after, world },
    classes: [...documentClasses(document, resolutions), ...by('accepted'), ...alone(file)],
  };
}

/** One mutation that nothing else hides: where it was made counts too. */
function alone({ mutations: [mutation, ...others] }: HostileFile): string[] {
  if (!mutation || others.length > 0) return [];
  return [`accepted after ${mutation.kind} alone, ${mutation.field} ${mutation.bit % 2}`];
}

function assertOnlyAddresses(document: Document, after: string, resolutions: Resolutions): void {
  const again = parseDocument(after);
  if (again.kind !== 'document') throw new Error(`we made a file that we refuse: ${JSON.stringify(again)}`);
  strictEqual(again.document.lines.length, document.lines.length, 'as many lines');
  for (const [index, line] of document.lines.entries()) {
    const now: Line | undefined = again.document.lines[index];
    strictEqual(now?.ending, line.ending);
    if (line.kind === 'node' && now?.kind === 'node') assertLine(line, now);
    else strictEqual(now?.text, line.text, 'what is no node line stays');
  }
  deepStrictEqual(rewrite(again.document, resolutions).changes, [], 'once more changes nothing');
}

/** Bytes are compared around the two tokens, found by their place alone. */
function assertLine(before: NodeLine, now: NodeLine): void {
  const cut = (line: string) => /^([^ \t]+[ \t]+)[^ \t]+([ \t]+)[^ \t]+(.*)$/s.exec(line)?.slice(1);
  deepStrictEqual(cut(now.text), cut(before.text), 'every other byte stays');
  strictEqual(now.address.tail, before.address.tail, 'hostname and aux stay');
  ok(now.address.ip.length <= IP_CHARACTERS_AT_MOST, 'the address fits into the buffer of the server');
  if (now.address.ip !== before.address.ip) ok(isIP(now.address.ip), 'a new address is one');
  for (const port of ['port', 'cport'] as const) {
    const was = before.address[port];
    if (was === null || !isZeroPort(was)) strictEqual(now.address[port], was, 'a port that is there stays');
    else ok(Number(now.address[port]) <= 65_535, 'a port that is filled in is one');
  }
  const verdicts = new Set(['noaddr', 'fail', 'fail?', 'noflags']);
  const others = (line: NodeLine) => line.flags.filter((flag) => !verdicts.has(flag));
  deepStrictEqual(others(now), others(before), 'no flag but a verdict goes');
}

/** What each line is like, seen from several sides, and the file as a whole. */
function documentClasses(document: Document, resolutions: Resolutions): string[] {
  const lines = nodeLines(document);
  const ids = new Set(lines.map(({ id }) => id));
  return [
    ...new Set([
      ...lines.flatMap((line) => lineClasses(line, resolutions)),
      ...document.lines.map((line) => `ends with ${JSON.stringify(line.ending.slice(0, 4))}`),
      ...document.lines.map(({ kind, text }) => (kind === 'node' ? 'node' : `other ${text.slice(0, 4)}`)),
      ids.size < lines.length ? 'an id twice' : 'each id once',
    ]),
  ];
}

function lineClasses({ id, text, address, flags, masterId }: NodeLine, resolutions: Resolutions): string[] {
  const { ip, port, cport, tail } = address;
  const { kind } = resolutions.get(id) ?? { kind: 'none' };
  const role = masterId === null ? 'master' : 'replica';
  const family = ip === '' ? 'none' : ({ 0: 'a name', 4: 'IPv4', 6: 'IPv6' }[isIP(ip)] as string);
  const keys = tail.split(',').map((part, index) => (index < 2 ? part !== '' : part.split('=')[0]));
  const slots = text.split(/[ \t]+/).slice(8);
  return [
    `${kind} ${role} ${[...new Set(flags.map((flag) => (known.has(flag) ? flag : 'unknown')))].sort()}`,
    `${kind} from ${family} ${portClass(port)} ${portClass(cport)}`,
    `${kind} aux ${keys.join().slice(0, 60)}`,
    ...slots.map((slot) => `slots ${slot.slice(0, 30).replace(/\d+/g, '#')}`),
  ];
}

const known = new Set([
  'myself',
  'master',
  'slave',
  'fail',
  'fail?',
  'noaddr',
  'handshake',
  'nofailover',
  'noflags',
]);

function portClass(port: string | null): string {
  if (port === null) return 'absent';
  return isZeroPort(port) ? 'zero' : 'set';
}
