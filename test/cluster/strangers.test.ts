/** Addresses that were our pods' and are somebody else's servers' by the time our pods start anew. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { RedisPods } from './redis-pods.ts';
import { assertRestart } from './restart.ts';
import { type Stage, startStage } from './stage.ts';
import {
  FOREIGN_KEYS,
  FOREIGN_PATTERN,
  lowest,
  startStrangers,
  startsOnCordonedNode,
  writeForeignKeys,
} from './strangers.ts';

const KEYS = 1000;
/** A replica that follows a stranger holds the stranger's keys within 7 s of its start. */
const FOLLOWED_AFTER_MS = 15_000;
/** Of 6 old addresses, so many must have become a stranger's: others start beside them. */
const TAKEN = 4;

t.test('strangers at our old addresses', async (t) => {
  const stage = await startStage(t);

  await t.test('a cluster of strangers, at our old addresses before any of ours is back', async (t) => {
    await stage.optIn('ours');
    const redis = await stage.createRedis({ namespace: 'ours', replicas: 6 });
    await redis.form({ keys: KEYS });
    for (const namespace of ['theirs-1', 'theirs-2']) {
      await stage.createNamespace(namespace);
      const theirs: RedisPods[] = [];
      const how = () =>
        redis.deletePodsAndHold(async (old) => {
          theirs.push(await startForeignCluster(stage, namespace, old));
          assertTaken(t, theirs[0], old);
        });
      await assertRestart(t, redis, `a cluster of strangers (${namespace})`, { how, keys: KEYS });
      await assertNothingForeign(t, redis);
      const [other] = theirs as [RedisPods];
      t.same(await other.health(), { topology: [], replication: [] }, 'their cluster is as it was');
      const own = await other.ask('CLUSTER', 'MYID');
      const known = (await other.ask('CLUSTER', 'NODES')).map(
        (text) => String(text).trim().split('\n').length,
      );
      t.same([known, new Set(own).size], [[6, 6, 6, 6, 6, 6], 6], 'and knows none of our nodes');
    }
  });

  await t.test('replicas start first, and servers of strangers are where their masters were', async (t) => {
    await stage.optIn('replicas-first');
    const redis = await formReplicasFirst(stage, 'replicas-first');
    for (const namespace of ['servers-1', 'servers-2']) {
      const how = () => redis.deletePodsAndHold((old) => takeOver(t, stage, namespace, old));
      await assertRestart(t, redis, `replicas first (${namespace})`, { how, keys: KEYS });
      await assertNothingForeign(t, redis);
    }
  });

  await t.test('without opting in, those replicas give up their keys for the strangers’', async (t) => {
    await stage.createNamespace('unprotected');
    const redis = await formReplicasFirst(stage, 'unprotected');
    const since = await redis.deletePodsAndHold((old) => takeOver(t, stage, 'servers-3', old));
    await redis.waitReady({ since });
    await sleep(FOLLOWED_AFTER_MS);
    const foreign = await redis.countKeys(FOREIGN_PATTERN);
    t.comment(`without opting in: foreign keys by pod ${foreign.join(', ')}`);
    t.ok(foreign.includes(FOREIGN_KEYS), 'so the test above would have seen it');
  });
});

async function startForeignCluster(stage: Stage, namespace: string, old: string[]): Promise<RedisPods> {
  stage.cluster.allocateNext(lowest(old));
  const theirs = await stage.createRedis({ namespace, replicas: 6, mutate: startsOnCordonedNode });
  await theirs.form({ keys: 0 });
  await writeForeignKeys(stage, theirs);
  return theirs;
}

/** In order of their ordinals the replicas start first: the last three are the masters. */
async function formReplicasFirst(stage: Stage, namespace: string): Promise<RedisPods> {
  const redis = await stage.createRedis({ namespace, replicas: 6, podManagementPolicy: 'OrderedReady' });
  await redis.form({ keys: KEYS, masters: 'last' });
  return redis;
}

async function takeOver(t: Test, stage: Stage, namespace: string, old: string[]): Promise<void> {
  stage.cluster.allocateNext(lowest(old));
  assertTaken(t, await startStrangers(stage, namespace, 6), old);
}

function assertTaken(t: Test, strangers: RedisPods | undefined, old: string[]): void {
  const taken = strangers?.addresses().filter((address) => old.includes(address)) ?? [];
  t.ok(taken.length >= TAKEN, `${taken.length} of our ${old.length} old addresses are a stranger's`);
}

async function assertNothingForeign(t: Test, redis: RedisPods): Promise<void> {
  t.same(
    await redis.countKeys(FOREIGN_PATTERN),
    redis.pods.map(() => 0),
    'no pod has a foreign key',
  );
}
