/**
 * A nodes.conf as a list of lines, lossless: `formatDocument(parseDocument(text))` is `text` for every file
 * that we accept. Text is latin1 (one character a byte), so that no byte is lost on the way.
 *
 * What is refused is what redis and valkey refuse at load ("Unrecoverable error: corrupted cluster config
 * file"), plus files that end in the middle of a line, which they may accept with slots missing.
 */
import { excerpt } from '../excerpt.ts';
import { isNodeId } from '../node-id.ts';
import { type Address, parseAddress } from './address.ts';

export type NodeLine = {
  kind: 'node';
  /** The line without its ending. */
  text: string;
  ending: string;
  id: string;
  address: Address;
  flags: string[];
  /** Id of the master that this node replicates; null for a master. */
  masterId: string | null;
};

/** `vars`, blank lines, padding, and lines of later versions such as `log`: passed through. */
export type OtherLine = { kind: 'other'; text: string; ending: string };

export type Line = NodeLine | OtherLine;

export type Document = { lines: Line[]; myself: NodeLine };

export type Parsed =
  | { kind: 'document'; document: Document }
  /** Zero bytes: redis starts as a new node with a new id. */
  | { kind: 'empty' }
  | { kind: 'refused'; reason: string };

/** redis needs these: id, address, flags, master, ping-sent, pong-recv, config-epoch, link-state. */
const FIELDS_AT_LEAST = 8;

/** Reads the whole file. A refusal's reason completes the sentence "nodes.conf ... ". */
export function parseDocument(text: string): Parsed {
  if (text === '') return { kind: 'empty' };
  const lines: Line[] = [];
  for (const { content, ending } of splitLines(text)) {
    const line = parseLine(content, ending);
    if (typeof line === 'string') return refuse(`line ${lines.length + 1} ${line}`);
    lines.push(line);
  }
  return checkWhole(lines);
}

/** The text of a document, every byte that was not changed as it was. */
export function formatDocument({ lines }: Pick<Document, 'lines'>): string {
  return lines.map((line) => line.text + line.ending).join('');
}

/** The lines about nodes, in the order of the file. */
export function nodeLines({ lines }: Pick<Document, 'lines'>): NodeLine[] {
  return lines.filter((line) => line.kind === 'node');
}

/** Lines with their endings: LF or CRLF, none on the last, NUL padding counted to the ending. */
function* splitLines(text: string): Generator<{ content: string; ending: string }> {
  for (const [line] of text.matchAll(/[^\n]*\n|[^\n]+$/g)) {
    const content = withoutPadding(line.replace(/\r?\n$/, ''));
    yield { content, ending: line.slice(content.length) };
  }
}

/** Not by /\0+$/: that takes minutes for a file that a power cut left full of NULs. */
function withoutPadding(line: string): string {
  let end = line.length;
  while (line[end - 1] === '\0') end -= 1;
  return line.slice(0, end);
}

/** One line, or what is wrong with it. */
function parseLine(text: string, ending: string): Line | string {
  if (/^[ \t]*$/.test(text)) return { kind: 'other', text, ending };
  // A NUL ends the line for the servers, and they take other control characters for spaces.
  if (/[^\t\x20-\x7e\x80-\xff]/.test(text)) return 'has a control character in it';
  const fields = text.split(/[ \t]+/);
  if (fields.at(-1) === '') fields.pop();
  const first = fields[0] as string;
  if (isNodeId(first)) return parseNodeLine(fields, text, ending);
  if (first === 'vars') return parseVarsLine(fields, text, ending);
  // A later version's line starts with a word. Hexadecimal alone is an id that was cut.
  if (/^[a-z][a-z_-]*$/.test(first) && !/^[a-f]+$/.test(first)) return { kind: 'other', text, ending };
  return 'does not start with a node id of 40 characters nor with a known word';
}

function parseVarsLine(fields: string[], text: string, ending: string): OtherLine | string {
  if (fields.length % 2 === 0) return 'is cut: vars needs a value for every name';
  return { kind: 'other', text, ending };
}

function parseNodeLine(fields: string[], text: string, ending: string): NodeLine | string {
  if (fields.length < FIELDS_AT_LEAST) {
    return `is cut: it has ${fields.length} fields of at least ${FIELDS_AT_LEAST}`;
  }
  // The servers read quoted tokens, but write none: what stands within could be cut in two by us.
  if (/["']/.test(text)) return 'has a quotation mark in it';
  const [id, token, flagList, master] = fields as [string, string, string, string];
  const address = parseAddress(token);
  if (address === null) return `has no address ip:port@cport, but ${excerpt(token)}`;
  const flags = flagList.split(',');
  const isReplica = flags.includes('slave') || flags.includes('replica');
  if (isReplica && !isNodeId(master)) return 'is a replica without the id of its master';
  return { kind: 'node', text, ending, id, address, flags, masterId: isReplica ? master : null };
}

/** What only the file as a whole can show. */
function checkWhole(lines: Line[]): Parsed {
  const mine = lines.filter((line) => line.kind === 'node').filter(({ flags }) => flags.includes('myself'));
  const [myself, second] = mine;
  if (!myself) return refuse('has no line with the flag myself');
  if (second) {
    const ids = mine.map(({ id }) => id).join(', ');
    return refuse(`has ${mine.length} lines with the flag myself: ${excerpt(ids, THREE_IDS, false)}`);
  }
  if (!myself.flags.some((flag) => roles.has(flag)))
    return refuse('has neither master nor slave on its line myself');
  if (endsWithinLine(lines)) return refuse('is cut: it ends in the middle of its last line');
  return { kind: 'document', document: { lines, myself } };
}

/** In characters, with what stands between them. */
const THREE_IDS = 3 * 40 + 2 * 2;

const roles = new Set(['master', 'slave', 'primary', 'replica']);

/**
 * The servers write node lines, then `vars` with both epochs, then a newline. A last line without a newline
 * is whole only if it is that `vars` or comes after it; else slots, or whole nodes, are missing.
 */
function endsWithinLine(lines: Line[]): boolean {
  if (lines.at(-1)?.ending.includes('\n') || lines.at(-1)?.text === '') return false;
  return !lines.some(({ text }) => /^vars .*lastVoteEpoch [0-9]/.test(text));
}

function refuse(reason: string): Parsed {
  return { kind: 'refused', reason };
}
