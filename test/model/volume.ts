/** A node's volume: a real nodes.conf, read and rewritten by the updater's own code. */
import type { Facts } from '../../src/addresses/announce-then-look.ts';
import type { Resolution } from '../../src/addresses/resolution.ts';
import { type Document, formatDocument, nodeLines, parseDocument } from '../../src/nodes-conf/document.ts';
import { rewrite } from '../../src/nodes-conf/rewrite.ts';
import { id } from '../addresses/builders.ts';

/** What is no number of an address: parked. */
export const PARKED = -1;

export type Volume = {
  /** Unlike that of every other volume's content. */
  text: string;
  /** Of each node in the file: its address as a number, or `PARKED`. */
  ips: ReadonlyMap<number, number>;
};

export const idOf = (node: number) => id(String(node));
export const addressOf = (ip: number) => `10.0.0.${ip + 1}`;

/** The number of an address that is ours to give. */
function numberOf(address: string): number {
  return address.startsWith('10.0.0.') ? Number(address.slice('10.0.0.'.length)) - 1 : PARKED;
}

/**
 * What the server of node `self` has saved, where `ips` are the cluster's addresses by node, and `masters` says
 * who replicates whom.
 */
export function savedVolume(
  self: number,
  ips: ReadonlyMap<number, number>,
  masters: ReadonlyMap<number, number>,
): Volume {
  const lines = [...ips].map(([node, ip]) => {
    const master = masters.get(node);
    const flags = [...(node === self ? ['myself'] : []), master === undefined ? 'master' : 'slave'];
    const whose = master === undefined ? '-' : idOf(master);
    return `${idOf(node)} ${addressOf(ip)}:6379@16379 ${flags} ${whose} 0 0 ${node + 1} connected\n`;
  });
  return { text: `${lines.join('')}vars currentEpoch ${ips.size} lastVoteEpoch 0\n`, ips };
}

/** The volume after the updater's rewrite. */
export function rewritten({ text }: Volume, resolutions: ReadonlyMap<string, Resolution>): Volume {
  const { document } = rewrite(documentOf(text), resolutions);
  const ips = nodeLines(document).map(({ id, address }) => [Number(id[0]), numberOf(address.ip)] as const);
  return { text: formatDocument(document), ips: new Map(ips) };
}

/** What the updater takes from the file. */
export function nodeIn({ text }: Volume): Pick<NonNullable<Facts['node']>, 'id' | 'lines' | 'masterId'> {
  const document = documentOf(text);
  return {
    id: document.myself.id,
    lines: nodeLines(document).map(({ id, address: { ip, port } }) => ({ id, ip, port })),
    masterId: document.myself.masterId,
  };
}

function documentOf(text: string): Document {
  const parsed = parseDocument(text);
  if (parsed.kind !== 'document') throw new TypeError(`The model wrote a bad nodes.conf: ${text}`);
  return parsed.document;
}
