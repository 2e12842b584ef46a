/** A cluster whose pods have all moved: nodes.conf as it was, as it must become, and what Kubernetes knows. */
import { createHash } from 'node:crypto';

/** Text of nodes.conf: as the server left it, and as it may start again. */
export type ClusterFile = { before: string; after: string };

/** The pods redis-0 to redis-2 are there; those of larger clusters are not, so their lines are parked. */
const LIVE_PODS = 3;
const LARGE = 2_000;
const SLOTS = 16_384;
const PARKED = '192.0.2.1';

/** Three nodes: one master with all slots, two replicas. */
export const small: ClusterFile = clusterFile(3, 1, ['0-16383']);
/** 2,000 nodes with host names, half of them masters, every slot listed alone: more than one write of Node's. */
export const large: ClusterFile = clusterFile(LARGE, LARGE / 2, slotsAlone(LARGE / 2));
/** Two masters with every other slot: lines of 47 KB. */
export const fragmented: ClusterFile = clusterFile(3, 2, slotsAlone(2));

/** Keys and values of the map: three entries of the updater's own, the others by hand. */
export const map: Record<string, string> = {
  ...Object.fromEntries(indices(LIVE_PODS).map((index) => [`redis-${index}`, nodeId(index)])),
  'nodes.txt': indices(LARGE)
    .slice(LIVE_PODS)
    .map((index) => `${nodeId(index)} redis-${index}\n`)
    .join(''),
};

/** As the API shows them. */
export const pods: object[] = indices(LIVE_PODS).map((index) => ({
  metadata: {
    name: `redis-${index}`,
    labels: { 'redis-ip-updater.io/injected': 'true' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'redis', uid: 'u', controller: true },
    ],
  },
  status: { phase: 'Pending', podIP: newIp(index), podIPs: [{ ip: newIp(index) }] },
}));

function clusterFile(nodes: number, masters: number, slots: string[]): ClusterFile {
  const text = (ipOf: (index: number) => string) => {
    const lines = indices(nodes).map((index) => nodeLine(index, ipOf(index), masters, slots));
    return `${lines.join('\n')}\nvars currentEpoch ${nodes} lastVoteEpoch 0\n`;
  };
  return {
    before: text((index) => `10.0.${index >> 8}.${index & 255}`),
    after: text((index) => (index < LIVE_PODS ? newIp(index) : PARKED)),
  };
}

function nodeLine(index: number, ip: string, masters: number, slots: string[]): string {
  const myself = index === 0 ? 'myself,' : '';
  const host = `redis-${index}.redis-headless.production-eu-west-1.svc.cluster.local`;
  const address = `${ip}:6379@16379,${host},shard-id=${nodeId(index % masters)},tls-port=0`;
  return index < masters
    ? `${nodeId(index)} ${address} ${myself}master - 0 0 ${index + 1} connected ${slots[index]}`
    : `${nodeId(index)} ${address} slave ${nodeId(index % masters)} 0 0 1 connected`;
}

/** For each master its slots one by one, none of them a neighbour of another. */
function slotsAlone(masters: number): string[] {
  return indices(masters).map((master) =>
    indices(SLOTS)
      .filter((slot) => slot % masters === master)
      .join(' '),
  );
}

function newIp(index: number): string {
  return `10.0.9.${index}`;
}

function nodeId(index: number): string {
  return createHash('sha1').update(`node ${index}`).digest('hex');
}

function indices(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
