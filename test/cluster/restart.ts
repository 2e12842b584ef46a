/** A restart on the stage, measured and judged as issue 4 asks. */
import type { Test } from 'tap';
import type { Recovery } from '../support/redis/recovery.ts';
import type { RedisPods } from './redis-pods.ts';

export type Limits = {
  /** From the last pod's Ready until state and addresses are right everywhere. */
  stateWithinMs: number;
  /** And until every replica follows its own master with as many keys. */
  replicationWithinMs: number;
};
/**
 * What issue 4 promises for 6 pods. Redis itself waits 5 s (repl-diskless-sync-delay) before it sends a replica its
 * data.
 */
export const LIMITS: Limits = { stateWithinMs: 5000, replicationWithinMs: 15_000 };

export type Restart = {
  /** Makes pods start anew; returns since when. All pods are deleted without it. */
  how?: () => Promise<number>;
  /** The pods that start anew; all without it. */
  restarted?: readonly string[];
  /** How many keys there are. */
  keys: number;
  limits?: Limits;
};

/** Restarts, waits until all pods are ready, watches the recovery, and asserts it with its keys. */
export async function assertRestart(
  t: Test,
  redis: RedisPods,
  what: string,
  restart: Restart,
): Promise<Recovery> {
  const { how = () => redis.deletePods(), restarted = redis.pods, keys, limits = LIMITS } = restart;
  const before = redis.addresses();
  const since = await how();
  const readyAt = await redis.waitReady({ since, restarted });
  const moved = redis.addresses().filter((address, index) => address !== before[index]).length;
  const recovery = await redis.recovery(readyAt);
  const intact = await redis.countIntactKeys(keys).catch(String);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  t.comment(
    `${what}: ready after ${seconds(readyAt - since)}, ${moved} of ${before.length} addresses new, ` +
      `then state ${seconds(recovery.healMs)}, replication ${seconds(recovery.replicationMs)}, ${intact}/${keys} keys, ` +
      `API requests: ${tally(redis.requests(since))}`,
  );
  t.same(recovery.last, { topology: [], replication: [] }, `${what}: all is well again`);
  t.ok(
    recovery.healMs <= limits.stateWithinMs,
    `state and addresses right after ${seconds(recovery.healMs)}`,
  );
  t.ok(
    recovery.replicationMs <= limits.replicationWithinMs,
    `every replica follows its master after ${seconds(recovery.replicationMs)}`,
  );
  t.equal(intact, keys, 'every key has its value');
  return recovery;
}

/** How many pods asked what: `6 pods [list pods]`. */
function tally(requests: Record<string, string[]>): string {
  const asked = Object.values(requests).filter(({ length }) => length > 0);
  const groups = Map.groupBy(asked, (each) => each.join(', '));
  return [...groups].map(([each, pods]) => `${pods.length} pods [${each}]`).join(', ');
}
