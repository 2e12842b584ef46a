/** What the same restart takes when a person who knows every address rewrites every nodes.conf: the yardstick. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathOf, resources } from '../support/kubernetes-api/resources.ts';
import { REDIS } from './manifests.ts';
import type { RedisCluster } from './redis-cluster.ts';
import { measureRestart, type RestartResult } from './restart.ts';
import type { Stage } from './stage.ts';

/** Restarts all pods of a cluster without the updater, its files rewritten while none runs. */
export function byHand(stage: Stage, cluster: RedisCluster): Promise<RestartResult> {
  const { kubelet, timeline } = stage;
  return measureRestart(stage, cluster, async () => {
    const old = cluster.addresses();
    timeline.say('all pods are deleted; the new addresses are written into every nodes.conf by hand');
    await scale(stage, cluster, 0);
    while ((await cluster.listPods()).length > 0) await sleep(20);
    const now = new Map(old.map((ip) => [ip, kubelet.reserve()]));
    for (const [ordinal, pod] of cluster.pods.entries()) {
      kubelet.pin(pod, now.get(old[ordinal] ?? '') ?? '');
      rewrite(kubelet.claimDirectory(cluster.namespace, `data-${pod.split('/')[1]}`), now);
    }
    await scale(stage, cluster, stage.nodes);
  });
}

function rewrite(directory: string, addresses: ReadonlyMap<string, string>): void {
  const file = join(directory, 'nodes.conf');
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(/(?<= )[\d.]+(?=:)/g, (ip) => addresses.get(ip) ?? ip),
  );
}

async function scale({ client }: Stage, { namespace }: RedisCluster, replicas: number): Promise<void> {
  await client.merge(pathOf(resources.statefulsets, namespace, REDIS), { spec: { replicas } });
}
