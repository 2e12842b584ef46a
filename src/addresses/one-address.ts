/**
 * No file of ours names one address for two nodes: whoever dials it would take one for the other. The table alone
 * nearly sees to that; what is left are pods on the host network, which share the IP of their node, and lines
 * that had one address already in the file.
 */
import { canonicalIp } from './ip.ts';
import { holdersOf, type PodIndex } from './pod-index.ts';
import type { Resolution } from './resolution.ts';
import type { Line } from './resolve.ts';

/** `right`: of two lines with one address, the one with more of it keeps it; of equals, none does. */
type Claim = { id: string; ip: string; port: string; right: number };

/** Ids of the lines whose address, as resolved, another line has with more right, or with as much. */
export function withoutRight(
  lines: readonly Line[],
  resolutions: ReadonlyMap<string, Resolution>,
  pods: PodIndex,
): Set<string> {
  const byIp = new Map<string, Claim[]>();
  for (const line of lines) {
    const claim = claimOf(line, resolutions.get(line.id), pods);
    if (claim) byIp.set(claim.ip, [...(byIp.get(claim.ip) ?? []), claim]);
  }
  const weaker = [...byIp.values()].flatMap((claims) =>
    claims.filter((claim) =>
      claims.some((other) => isSameAddress(claim, other) && claim.right <= other.right),
    ),
  );
  return new Set(weaker.map(({ id }) => id));
}

/** A line that names an address at which somebody may answer; a parked one names none. */
function claimOf(
  { id, ip: written, port = '' }: Line,
  resolution: Resolution | undefined,
  pods: PodIndex,
): Claim | null {
  switch (resolution?.kind) {
    case 'self':
      return { id, port, ip: canonicalIp(resolution.ip), right: Number.POSITIVE_INFINITY };
    case 'fresh': {
      const names = holdersOf(resolution.ip, pods).map(({ name }) => name);
      return { id, port, ip: canonicalIp(resolution.ip), right: 1 + names.indexOf(resolution.pod) };
    }
    case 'unknown':
      return written === '' ? null : { id, port, ip: canonicalIp(written), right: 0 };
    default:
      return null;
  }
}

/** A port of zero, or none, is filled later, with whatever port the cluster uses. */
function isSameAddress(a: Claim, b: Claim): boolean {
  return a.id !== b.id && (a.port === b.port || Number(a.port) === 0 || Number(b.port) === 0);
}
