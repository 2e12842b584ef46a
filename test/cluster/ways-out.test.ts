/** What is refused on a real cluster, and that the way out of each sentence leads out. */
import t, { type Test } from 'tap';
import { betweenPods, emptyDirectory, failureOf, followCommand, redisCli, whoIsWho } from './hands.ts';
import { until } from './kubernetes/until.ts';
import type { RedisPods } from './redis-pods.ts';
import { assertRestart } from './restart.ts';
import { type Stage, startStage } from './stage.ts';

const KEYS = 1000;

t.test('lost volumes', async (t) => {
  const stage = await startStage(t);

  await t.test('of a replica', async (t) => {
    const redis = await formed(stage, 'lost-replica');
    const { ids, replicaOf } = await whoIsWho(stage, redis);
    const lost = replicaOf.get('redis-1') ?? '';
    await betweenPods(stage, redis, [lost], () => emptyDirectory(redis.volume(lost)));
    await assertRefused(t, stage, redis, lost, ids.get(lost) ?? '');
    await startAnew(t, stage, redis, { lost, lostId: ids.get(lost) ?? '', master: 'redis-1' });
    await assertRestart(t, redis, 'lost volume of a replica: the full restart after', { keys: KEYS });
  });

  await t.test('of a master, in a full restart', async (t) => {
    const redis = await formed(stage, 'lost-master');
    const lost = 'redis-1';
    const { ids, replicaOf } = await whoIsWho(stage, redis);
    const replica = replicaOf.get(lost) ?? '';
    const [size = ''] = await sizes(stage, redis, replica);
    t.ok(Number(size) > 100, `the replica ${replica} has ${size} keys`);
    const since = await betweenPods(stage, redis, redis.pods, () => emptyDirectory(redis.volume(lost)));
    await assertRefused(t, stage, redis, lost, ids.get(lost) ?? '');

    const others = redis.pods.filter((pod) => pod !== lost);
    await until('the others are ready anew', 60_000, () =>
      others.every((pod) => (redis.ready().get(pod)?.since ?? 0) > since),
    );
    // Twice the time after which a silent master is given up.
    await until('the master is given up', 30_000, async () =>
      /master,fail /.test(await redisCli(stage, address(redis, replica), 'CLUSTER', 'NODES')),
    );
    t.same(await sizes(stage, redis, replica), [size], 'its replica keeps every key while it is refused');

    t.match(await redisCli(stage, address(redis, replica), 'CLUSTER', 'FAILOVER', 'TAKEOVER'), 'OK');
    await startAnew(t, stage, redis, { lost, lostId: ids.get(lost) ?? '', master: replica });
    await assertRestart(t, redis, 'lost volume of a master: the full restart after', { keys: KEYS });
  });
});

async function formed(stage: Stage, namespace: string): Promise<RedisPods> {
  await stage.optIn(namespace);
  const redis = await stage.createRedis({ namespace, replicas: 6 });
  await redis.form({ keys: KEYS });
  // The rolling restart of a user, by which every pod is recorded.
  const since = await redis.deletePods();
  await redis.waitReady({ since });
  await redis.settle();
  return redis;
}

async function assertRefused(
  t: Test,
  stage: Stage,
  redis: RedisPods,
  pod: string,
  id: string,
): Promise<void> {
  const { exitCode, message } = await failureOf(stage, redis.namespace, pod);
  t.comment(`${redis.namespace}: ${pod} ended with ${exitCode}: ${message}`);
  t.equal(exitCode, 65);
  t.match(message, `node id ${id} is recorded for pod ${pod}: its volume was lost`);
}

type Loss = { lost: string; lostId: string; master: string };

/** The entry is removed by the command of the sentence; the new node takes the place of the old one as a replica. */
async function startAnew(
  t: Test,
  stage: Stage,
  redis: RedisPods,
  { lost, lostId, master }: Loss,
): Promise<void> {
  await followCommand(stage, (await failureOf(stage, redis.namespace, lost)).message);
  // Rather than wait for the kubelet, which tries again later and later.
  await redis.deletePods([lost]);
  await redis.waitReady();
  for (const pod of redis.pods.filter((pod) => pod !== lost)) {
    await redisCli(stage, address(redis, pod), 'CLUSTER', 'FORGET', lostId);
  }
  const { ids } = await whoIsWho(stage, redis);
  const add = ['--cluster', 'add-node', `${address(redis, lost)}:6379`, `${address(redis, master)}:6379`];
  const asReplica = ['--cluster-slave', '--cluster-master-id', ids.get(master) ?? ''];
  await stage.cluster.runInNetwork(['redis-cli', ...add, ...asReplica]);
  await redis.settle();
  t.equal(await redis.countIntactKeys(KEYS), KEYS, 'the way out led out, with every key');
}

function address(redis: RedisPods, pod: string): string {
  return redis.addresses()[redis.pods.indexOf(pod)] ?? '';
}

async function sizes(stage: Stage, redis: RedisPods, ...pods: string[]): Promise<string[]> {
  return Promise.all(pods.map(async (pod) => (await redisCli(stage, address(redis, pod), 'DBSIZE')).trim()));
}
