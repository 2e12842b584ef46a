/**
 * Whether servers would start from what they have saved. While a cluster is young, gossip may leave a replica with another
 * shard-id than its primary's; valkey 8.1.1 saves that, and takes the file for corrupt at its next start
 * ("diverges from existing primary shard id" in its log). A restart at that moment would fail without us as well.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../cluster/kubernetes/until.ts';
import type { RedisCluster } from '../../demo/redis-cluster.ts';
import type { Stage } from '../../demo/stage.ts';

const PATIENCE_MS = 60_000;

/** Resolves when every node of the cluster has saved a file in which replicas are of their primaries' shards. */
export async function filesLoad({ kubelet }: Stage, cluster: RedisCluster): Promise<void> {
  const nodes = cluster.nodes();
  for (const [ordinal, node] of nodes.entries()) {
    const [, name] = cluster.pods[ordinal]?.split('/') ?? [];
    const file = join(kubelet.claimDirectory(cluster.namespace, `data-${name}`), 'nodes.conf');
    await until(`${file} is one that its server would take`, PATIENCE_MS, async () => {
      await node.ask('CLUSTER', 'SAVECONFIG');
      return hasShardsOfPrimaries(readFileSync(file, 'utf8'));
    });
  }
}

/** Whether each replica has its primary's shard-id, in the text of a nodes.conf. */
export function hasShardsOfPrimaries(text: string): boolean {
  const lines = text.split('\n').map((line) => line.split(' '));
  const shards = new Map(lines.map(([id = '', address = '']) => [id, /shard-id=(\w+)/.exec(address)?.[1]]));
  return lines.every(
    ([id = '', , , primary = '-']) => !shards.has(primary) || shards.get(primary) === shards.get(id),
  );
}
