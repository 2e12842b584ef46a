/** A restart of all pods with the updater in place, and what came of it. */
import { SERVICE_ACCOUNT } from '../../src/names.ts';
import type { Judgement } from '../support/redis/health.ts';
import { watchRecovery } from '../support/redis/recovery.ts';
import { KEYS, type RedisCluster, START_TIMEOUT_MS } from './redis-cluster.ts';
import type { Stage } from './stage.ts';

/** What an act reports; both times count from the moment when the last pod got ready. */
export type RestartResult = {
  recovered: boolean;
  /** Until every node says ok and knows every other at its present address. */
  healMs: number;
  /** Until every replica follows its own master, too. */
  replicationMs: number;
  keys: number;
  keysIntact: number;
  apiRequestsPerPod: number;
};

const HEAL_TIMEOUT_MS = 60_000;

/** Runs `restart`, which makes all pods start anew, and measures until the cluster has healed or a minute is over. */
export async function measureRestart(
  stage: Stage,
  cluster: RedisCluster,
  restart: () => Promise<void>,
): Promise<RestartResult> {
  const { api, readiness, timeline } = stage;
  const requestsBefore = api.audit.length;
  const restartedAtMs = performance.now();
  await restart();
  const startedAtMs = await readiness.lastReady(cluster.pods, restartedAtMs, START_TIMEOUT_MS);
  timeline.say('all pods are ready; the clock runs until the cluster has healed');
  const last: { judgement?: Judgement } = {};
  const stop = timeline.during(() => describe(last.judgement));
  const progress = (judgement: Judgement) => {
    last.judgement = judgement;
  };
  const watch = { startedAtMs, timeoutMs: HEAL_TIMEOUT_MS, progress };
  const { recovered, healMs, replicationMs, last: end } = await watchRecovery(cluster.nodes(), watch);
  stop();
  const keysIntact = await cluster.intactKeys();
  const requests = requestsOf(stage, cluster.namespace, requestsBefore);
  if (recovered) {
    timeline.say(`healed: every node knows every other at its new address, after ${seconds(healMs)}`);
    timeline.say(`every replica follows its own master, after ${seconds(replicationMs)}`);
  } else timeline.say(`NOT healed after ${seconds(replicationMs)}: ${describe(end)}`);
  timeline.say(`${keysIntact} of ${KEYS} keys read back; the updaters sent ${requests} API requests in all`);
  const apiRequestsPerPod = Math.round((requests / cluster.pods.length) * 100) / 100;
  return { recovered, healMs, replicationMs, keys: KEYS, keysIntact, apiRequestsPerPod };
}

/** What is still wrong, in few words. */
export function describe(judgement: Judgement | undefined): string {
  if (!judgement) return 'the nodes have not answered yet';
  const { topology, replication } = judgement;
  if (topology.length > 0) return `${topology.length} wrong states and addresses, such as ${topology[0]}`;
  return `state and addresses are right; ${replication[0] ?? 'replication, too'}`;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

function requestsOf({ api }: Stage, namespace: string, since: number): number {
  const user = `system:serviceaccount:${namespace}:${SERVICE_ACCOUNT}`;
  return api.audit.slice(since).filter((entry) => entry.user === user).length;
}
