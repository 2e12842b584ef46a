/**
 * Puts resolved addresses into a document: the right-hand column of the resolution table. Only address
 * tokens change, and flags where the table says so; every other byte stays.
 */
import { isSameIp } from '../addresses/ip.ts';
import type { Resolution } from '../addresses/resolution.ts';
import type { Line } from '../addresses/resolve.ts';
import { type Address, auxField, formatAddress, isPort, isZeroPort, servedPort } from './address.ts';
import { type Document, type NodeLine, nodeLines } from './document.ts';

/** One line that changed; `line` counts from 1. */
export type Change = { line: number; before: string; after: string };

export type Rewritten = { document: Document; changes: Change[] };

/** Node id -> what became of it. Ids that are not in it keep their line. */
export type Resolutions = ReadonlyMap<string, Resolution>;

/** What the resolution needs to know of a document's lines. */
export function linesToResolve(document: Pick<Document, 'lines'>): Line[] {
  return nodeLines(document).map(({ id, address }) => ({ id, ip: address.ip, port: servedPort(address) }));
}

/** The document with every resolved line at its address, and what that changed. */
export function rewrite(document: Document, resolutions: Resolutions): Rewritten {
  const model = modelEndpoint(document);
  const changes: Change[] = [];
  const lines = document.lines.map((line, index) => {
    const resolution = line.kind === 'node' ? resolutions.get(line.id) : undefined;
    if (line.kind !== 'node' || !resolution) return line;
    const rewritten = rewriteLine(line, resolution, model);
    if (rewritten.text !== line.text) {
      changes.push({ line: index + 1, before: line.text, after: rewritten.text });
    }
    return rewritten;
  });
  const myself = lines[document.lines.indexOf(document.myself)] as NodeLine;
  return { document: { lines, myself }, changes };
}

function rewriteLine(line: NodeLine, resolution: Resolution, model: Address | undefined): NodeLine {
  switch (resolution.kind) {
    case 'unknown':
      return line;
    case 'self':
      return replaceTokens(line, withIp(line.address, resolution.ip), line.flags);
    case 'fresh':
      return replaceTokens(
        line,
        fillPorts(withIp(line.address, resolution.ip), model),
        freshFlags(line, resolution.ip),
      );
    case 'parked':
      return replaceTokens(
        line,
        fillPorts(withIp(line.address, resolution.ip), model),
        without(line.flags, ['noaddr']),
      );
  }
}

/** Another spelling of the same address is left as redis wrote it. */
function withIp(address: Address, ip: string): Address {
  return isSameIp(address.ip, ip) ? address : { ...address, ip };
}

/**
 * `fail` and `fail?` are verdicts on the old address; read from the file, `fail` on a master takes two node
 * timeouts to clear. `noaddr` can never be true of a line that has an address: such a node never heals.
 */
function freshFlags(line: NodeLine, ip: string): string[] {
  return without(line.flags, isSameIp(line.address.ip, ip) ? ['noaddr'] : ['noaddr', 'fail', 'fail?']);
}

function without(flags: string[], dropped: string[]): string[] {
  const kept = flags.filter((flag) => !dropped.includes(flag));
  return kept.length > 0 ? kept : ['noflags'];
}

/**
 * A `noaddr` node was saved with ports 0. They come back from the line's own aux fields (redis 7.2 and
 * later), else from a line that has them: all nodes of a cluster use the same ports on Kubernetes.
 */
function fillPorts(address: Address, model: Address | undefined): Address {
  if (!model) return address;
  // A model with the port 0 is one of TLS alone: there servers save that for every node, and look at `tls-port`.
  const isMissing = isZeroPort(address.port) && !isZeroPort(model.port);
  const port = isMissing ? (ownPort(address, model) ?? model.port) : address.port;
  if (address.cport === null || !isZeroPort(address.cport)) return { ...address, port };
  const busOffset = Number(model.cport ?? Number(model.port) + 10_000) - Number(model.port);
  const cport = String(Number(port) + busOffset);
  return { ...address, port, cport: isPort(cport) ? cport : (model.cport ?? address.cport) };
}

/** Myself, or where it was saved without ports (a node that never met another) the first line that has them. */
function modelEndpoint(document: Document): Address | undefined {
  return [document.myself, ...nodeLines(document)]
    .map(({ address }) => address)
    .find((address) => {
      const { cport } = address;
      return !isZeroPort(servedPort(address)) && (cport === null || !isZeroPort(cport));
    });
}

/**
 * The line's aux port of the kind (TCP or TLS) that the cluster puts into its addresses. The aux fields of a
 * line name the port of the other kind: a cluster that talks TLS writes `tcp-port`.
 */
function ownPort(address: Address, model: Address): string | null {
  const tcpPort = auxField(model, 'tcp-port');
  const talksTls = auxField(model, 'tls-port') === model.port || (tcpPort !== null && tcpPort !== model.port);
  const port = auxField(address, talksTls ? 'tls-port' : 'tcp-port');
  return port !== null && isPort(port) ? port : null;
}

/** The line with its second and third field replaced, all other bytes kept. */
function replaceTokens(line: NodeLine, address: Address, flags: string[]): NodeLine {
  // Not \S: the text is latin1, and a byte 0xA0 of a UTF-8 name would count as a space.
  const fields = /^([^ \t]+[ \t]+)([^ \t]+)([ \t]+)([^ \t]+)/;
  const text = line.text.replace(
    fields,
    (_match, id: string, _address, gap: string) => `${id}${formatAddress(address)}${gap}${flags.join(',')}`,
  );
  return { ...line, text, address, flags };
}
