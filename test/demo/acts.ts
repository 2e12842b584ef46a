/** The four acts, each a restart of all pods of a cluster at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathOf, resources } from '../support/kubernetes-api/resources.ts';
import { examine } from '../support/redis/recovery.ts';
import { REDIS, redisStatefulSet } from './manifests.ts';
import { optIn } from './opt-in.ts';
import { type RedisCluster, START_TIMEOUT_MS } from './redis-cluster.ts';
import { describe, measureRestart, type RestartResult } from './restart.ts';
import type { Stage } from './stage.ts';
import { startStranger } from './stranger.ts';

export type BrokenResult = { recovered: boolean; waitedMs: number; foreignKeys: number };
export type StrangerResult = RestartResult & { foreignKeys: number };

/** How long the broken cluster is given to heal by itself. */
const BROKEN_WATCH_MS = 15_000;
/** How much later the last master comes back than all others: less than the 5 s after which it would be replaced. */
const LATE_MS = 3000;

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

/** (a) Nobody opted in: the cluster stays broken, and a replica ends up with a stranger's data. */
export async function withoutUpdater(stage: Stage, cluster: RedisCluster): Promise<BrokenResult> {
  const { timeline, readiness } = stage;
  const [oldMaster = ''] = cluster.addresses();
  const restartedAtMs = performance.now();
  timeline.say('all pods are deleted at once');
  await Promise.all([cluster.deleteAllPods(), startStranger(stage, 'stranger-1', oldMaster)]);
  const startedAtMs = await readiness.lastReady(cluster.pods, restartedAtMs, START_TIMEOUT_MS);
  timeline.say('all pods are ready, at new addresses that none of their nodes.conf knows');
  let healed = false;
  let what = '';
  const stop = timeline.during(() => `still broken: ${what}`);
  while (!healed && performance.now() - startedAtMs < BROKEN_WATCH_MS) {
    const judgement = await examine(cluster.nodes());
    healed = judgement.topology.length === 0 && judgement.replication.length === 0;
    what = describe(judgement);
    await sleep(200);
  }
  stop();
  const waitedMs = Math.round(performance.now() - startedAtMs);
  const perNode = await cluster.foreignKeys();
  for (const [ordinal, count] of perNode.entries())
    if (count > 0)
      timeline.say(
        `${cluster.pods[ordinal]} followed its master's old address: it holds ${count} keys of the stranger`,
      );
  timeline.say(healed ? 'it HEALED, which it should not' : 'it is broken for good: no node finds any other');
  return { recovered: healed, waitedMs, foreignKeys: sum(perNode) };
}

/** (b) Opted in: all pods come back in parallel, on new addresses, and the cluster heals. */
export async function parallel(stage: Stage, cluster: RedisCluster): Promise<RestartResult> {
  await optIn(stage, cluster);
  return measureRestart(stage, cluster, async () => {
    stage.timeline.say('all pods are deleted at once');
    await cluster.deleteAllPods();
  });
}

/** (c) Every pod gets an address that another pod had, and they start one after another. */
export async function swapped(stage: Stage, cluster: RedisCluster): Promise<RestartResult> {
  const { kubelet, timeline } = stage;
  await replaceStatefulSet(stage, cluster, 'OrderedReady');
  return measureRestart(stage, cluster, async () => {
    const old = cluster.addresses();
    for (const [ordinal, pod] of cluster.pods.entries())
      kubelet.pin(pod, old[(ordinal + 1) % old.length] ?? '');
    timeline.say(
      "all pods are deleted at once; each will get its neighbour's old address, in order 0, 1, 2 ...",
    );
    await cluster.deleteAllPods();
  });
}

/** (d) A stranger has got the address of a master that comes back last. */
export async function stranger(stage: Stage, cluster: RedisCluster): Promise<StrangerResult> {
  const { kubelet, readiness, timeline } = stage;
  await replaceStatefulSet(stage, cluster, 'Parallel');
  const [last = '', ...others] = cluster.pods;
  const result = await measureRestart(stage, cluster, async () => {
    const restartedAtMs = performance.now();
    const [oldMaster = ''] = cluster.addresses();
    const release = kubelet.hold(last);
    timeline.say(`all pods are deleted at once; ${last}, a master, will be the last to come back`);
    await Promise.all([cluster.deleteAllPods(), startStranger(stage, 'stranger-2', oldMaster)]);
    await readiness.lastReady(others, restartedAtMs, START_TIMEOUT_MS);
    timeline.say(`all others are ready; ${last} takes ${LATE_MS / 1000} s longer`);
    await sleep(LATE_MS);
    release();
  });
  const foreignKeys = sum(await cluster.foreignKeys());
  timeline.say(`keys of the stranger, anywhere in the cluster: ${foreignKeys}`);
  return { ...result, foreignKeys };
}

/** The policy of a StatefulSet cannot be changed: a user deletes it, leaving its pods, and creates it anew. */
async function replaceStatefulSet(
  { client, redis, nodes, timeline }: Stage,
  { namespace }: RedisCluster,
  policy: 'Parallel' | 'OrderedReady',
): Promise<void> {
  await client.delete(pathOf(resources.statefulsets, namespace, REDIS), { propagationPolicy: 'Orphan' });
  const set = redisStatefulSet(redis, nodes, policy, { labelled: true });
  await client.create(pathOf(resources.statefulsets, namespace), set);
  timeline.say(`the StatefulSet now has podManagementPolicy: ${policy}`);
}
