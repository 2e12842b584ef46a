/** The API server's connections to the webhook: it keeps them, and asks for no certificate again. */
import type { Cluster } from '../kubernetes/cluster.ts';
import { until } from '../kubernetes/until.ts';
import { PORT, type Replica, settledReplicas } from './replicas.ts';

const WAIT_MS = 60_000;
/** More at once than API servers keep idle connections to a webhook (25): some of these calls need new ones. */
const BURST = 60;

/**
 * The local ports of the API server's connections to the webhook, by the address of the replica.
 *
 * @param kind `all`: those that it closed within the last minute are among them (TIME_WAIT)
 */
async function connections(cluster: Cluster, kind: 'open' | 'all'): Promise<Map<string, string[]>> {
  const states = kind === 'all' ? ['--all'] : [];
  const list = ['ss', '--no-header', '--tcp', '--numeric', ...states, `( dport = :${PORT} )`];
  const lines = (await cluster.runInNetwork(list)).split('\n').filter((line) => line !== '');
  // STATE RECEIVED SENT LOCAL:PORT PEER:PORT
  const ends = lines.map((line) => line.split(/\s+/).slice(3, 5));
  const byPeer = Map.groupBy(ends, ([, peer = '']) => peer.slice(0, peer.lastIndexOf(':')));
  return new Map([...byPeer].map(([peer, pairs]) => [peer, pairs.map(([local = '']) => local)]));
}

/** The replica to which the API server has the most connections. */
export async function busiest(cluster: Cluster): Promise<Replica> {
  const replicas = await settledReplicas(cluster);
  const open = await connections(cluster, 'open');
  const count = ({ ip }: Replica) => open.get(ip)?.length ?? 0;
  return replicas.reduce((most, replica) => (count(replica) > count(most) ? replica : most));
}

/** Calls until the API server has made a new connection to each of the replicas. */
export async function connectAnew(
  cluster: Cluster,
  replicas: readonly Replica[],
  burst: (count: number) => Promise<void>,
): Promise<void> {
  const before = await connections(cluster, 'all');
  await until('the API server makes new connections to both replicas', WAIT_MS, async () => {
    await burst(BURST);
    const now = await connections(cluster, 'all');
    return replicas.every(({ ip }) => now.get(ip)?.some((port) => !before.get(ip)?.includes(port)));
  });
}
