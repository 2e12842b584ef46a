/** What the log says about a run: a line for each node, and each entry of the map that was not used. */
import type { NodeMap } from '../addresses/node-map.ts';
import type { Resolution } from '../addresses/resolution.ts';
import { type Document, nodeLines } from '../nodes-conf/document.ts';
import type { Log } from './log.ts';

/** `from` is the address in the file, `ip` the one that it becomes. */
export function reportLines(
  document: Document,
  resolutions: ReadonlyMap<string, Resolution>,
  log: Log,
): void {
  for (const { id, address } of nodeLines(document)) {
    const resolution = resolutions.get(id);
    if (!resolution) continue;
    const { kind, ...details } = resolution;
    log(isDoubtful(resolution) ? 'warn' : 'info', kind, { id, from: address.ip, ...details });
  }
}

/** An entry that names nobody for certain. */
export function reportProblems({ problems }: NodeMap, log: Log): void {
  for (const problem of problems) log('warn', 'an entry of the node map is not used', { problem });
}

/** What a person may have to look into: all others take care of themselves. */
function isDoubtful(resolution: Resolution): boolean {
  if (resolution.kind !== 'parked') return resolution.kind === 'unknown';
  return ['not-in-map', 'master-not-injected', 'address-of-other-line'].includes(resolution.reason);
}
