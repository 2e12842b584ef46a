/** The four acts, each a restart of all pods of a cluster at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { examine } from '../support/redis/recovery.ts';
import { optIn } from './opt-in.ts';
import { type RedisCluster, START_TIMEOUT_MS } from './redis-cluster.ts';
import { describe, measureRestart, type RestartResult } from './restart.ts';
import type { Stage } from './stage.ts';
import { startStranger } from './stranger.ts';

export type BrokenResult = { recovered: boolean; waitedMs: number; foreignKeys: number };
export type StrangerResult = RestartResult & { foreignKeys: number };

/** How long the broken cluster is given to heal by itself. */
const BROKEN_WATCH_MS = 15_000;
const BROKEN_POLL_MS = 200;
/** How much later the last master comes back than all others: less than the 5 s after which it would be replaced. */
const LATE_MS = 3000;

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

/** (a) Nobody opted in: the cluster stays broken, and a replica ends up with a stranger's data. */
export async function withoutUpdater(stage: Stage, cluster: RedisCluster): Promise<BrokenResult> {
  const { timeline, readiness } = stage;
  const restartedAtMs = performance.now();
  await cluster.loseAllPods(([oldMaster = '']) => startStranger(stage, 'stranger-1', oldMaster));
  const startedAtMs = await readiness.lastReady(cluster.pods, restartedAtMs, START_TIMEOUT_MS);
  timeline.say('all pods are ready, at new addresses that none of their nodes.conf knows');
  const { healed, foreignKeys } = await watchBroken(stage, cluster, startedAtMs);
  timeline.say(healed ? 'it HEALED, which it should not' : 'it stays broken: no node finds any other');
  return { recovered: healed, waitedMs: Math.round(performance.now() - startedAtMs), foreignKeys };
}

async function watchBroken({ timeline }: Stage, cluster: RedisCluster, startedAtMs: number) {
  let healed = false;
  let foreignKeys = 0;
  let what = '';
  const stop = timeline.during(() => `still broken: ${what}`);
  while (!healed && performance.now() - startedAtMs < BROKEN_WATCH_MS) {
    const judgement = await examine(cluster.nodes());
    healed = judgement.topology.length === 0 && judgement.replication.length === 0;
    what = describe(judgement);
    const perNode = await cluster.foreignKeys();
    const holder = perNode.findIndex((count) => count > 0);
    if (holder >= 0 && foreignKeys === 0)
      timeline.say(
        `${cluster.pods[holder]} dropped its own keys: it followed its master's old address, and now holds ${perNode[holder]} of the stranger's`,
      );
    foreignKeys = sum(perNode);
    await sleep(BROKEN_POLL_MS);
  }
  stop();
  return { healed, foreignKeys };
}

/** (b) Opted in: all pods come back in parallel, on new addresses, and the cluster heals. */
export async function parallel(stage: Stage, cluster: RedisCluster): Promise<RestartResult> {
  await optIn(stage, cluster);
  return measureRestart(stage, cluster, () => cluster.loseAllPods());
}

/** (c) Every pod gets an address that another pod had, and they start one after another. */
export async function swapped(stage: Stage, cluster: RedisCluster): Promise<RestartResult> {
  const { kubelet, timeline } = stage;
  await cluster.replaceStatefulSet('OrderedReady');
  return measureRestart(stage, cluster, () =>
    cluster.loseAllPods((old) => {
      timeline.say("each will get its neighbour's old address, in the order 0, 1, 2 ...");
      for (const [ordinal, pod] of cluster.pods.entries())
        kubelet.pin(pod, old[(ordinal + 1) % old.length] ?? '');
    }),
  );
}

/** (d) A stranger has got the address of a master that comes back last. */
export async function stranger(stage: Stage, cluster: RedisCluster): Promise<StrangerResult> {
  const { kubelet, readiness, timeline } = stage;
  await cluster.replaceStatefulSet('Parallel');
  const [last = '', ...others] = cluster.pods;
  const result = await measureRestart(stage, cluster, async () => {
    const restartedAtMs = performance.now();
    await cluster.loseAllPods(([oldMaster = '']) => startStranger(stage, 'stranger-2', oldMaster), [last]);
    await readiness.lastReady(others, restartedAtMs, START_TIMEOUT_MS);
    timeline.say(`all others are ready; ${last}, their missing master, takes ${LATE_MS / 1000} s longer`);
    await sleep(LATE_MS);
    kubelet.release(last);
  });
  const foreignKeys = sum(await cluster.foreignKeys());
  timeline.say(`keys of the stranger, anywhere in the cluster: ${foreignKeys}`);
  return { ...result, foreignKeys };
}
