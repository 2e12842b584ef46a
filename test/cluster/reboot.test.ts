/** A power cut of the node, and pod ranges so small that addresses come back as those of other pods. */
import t, { type Test } from 'tap';
import type { RedisPods } from './redis-pods.ts';
import { assertRestart } from './restart.ts';
import { type Stage, startStage } from './stage.ts';
import { FOREIGN_PATTERN, lowest, startStrangers } from './strangers.ts';

const KEYS = 1000;
const ROUNDS = 3;
/** Of the range, and far from what was given out so far. */
const UNUSED = '10.244.0.200';
/** As long as a cluster that has opted in may take at most. */
const BROKEN_WATCH_MS = 15_000;

t.test('power cut of the node', async (t) => {
  const stage = await startStage(t);
  await stage.optIn('ours');
  const redis = await stage.createRedis({ namespace: 'ours', replicas: 6 });
  await redis.form({ keys: KEYS });
  const strangers = await startStrangers(stage, 'theirs', 12);

  for (let round = 1; round <= ROUNDS; round++)
    await t.test(`reboot ${round}: strangers come back at some of our old addresses`, async (t) => {
      const before = { addresses: redis.addresses(), uids: uids(redis) };
      const how = () => rebootAt(stage, lowest(before.addresses));
      await assertRestart(t, redis, `reboot ${round}`, { how, keys: KEYS });
      t.same(uids(redis), before.uids, 'the pods are the same objects');
      await strangers.waitReady();
      assertTaken(t, 'a stranger has', strangers.addresses(), before.addresses);
      t.same(
        await redis.countKeys(FOREIGN_PATTERN),
        redis.pods.map(() => 0),
        'no pod has a foreign key',
      );
    });

  await t.test('without opting in, a reboot leaves a cluster broken', async (t) => {
    await stage.createNamespace('unprotected');
    const redis = await stage.createRedis({ namespace: 'unprotected', replicas: 6 });
    await redis.form({ keys: KEYS });
    const before = redis.addresses();
    const since = await rebootAt(stage, UNUSED);
    const readyAt = await redis.waitReady({ since });
    t.notOk(
      redis.addresses().some((address) => before.includes(address)),
      'every address is new',
    );
    const { recovered, last } = await redis.recovery(readyAt, BROKEN_WATCH_MS);
    t.notOk(recovered, 'it has not healed');
    t.match(last.topology.join(), 'cluster_state:fail', 'and says so');
  });
});

t.test('a /27 of pod addresses', async (t) => {
  const stage = await startStage(t, { podCidrs: ['10.244.0.0/27'] });
  await stage.optIn('ours');
  const redis = await stage.createRedis({ namespace: 'ours', replicas: 6 });
  await redis.form({ keys: KEYS });

  for (let round = 1; round <= ROUNDS; round++)
    await t.test(`restart ${round}: all start at addresses of each other`, async (t) => {
      const before = redis.addresses();
      const how = () => redis.deletePodsAndHold((old) => stage.cluster.allocateNext(lowest(old)));
      await assertRestart(t, redis, `/27, swapped ${round}`, { how, keys: KEYS });
      const swapped = redis
        .addresses()
        .filter((ip, index) => before.indexOf(ip) !== index && before.includes(ip));
      t.ok(swapped.length > 0, `${swapped.length} pods have the old address of another`);
    });

  await t.test('reboot', async (t) => {
    const before = redis.addresses();
    const how = () => rebootAt(stage, lowest(before));
    await assertRestart(t, redis, '/27, reboot', { how, keys: KEYS });
  });
});

/** A power cut, after which the pods of the node get addresses from this one on, in the order of the kubelet. */
async function rebootAt({ cluster }: Stage, address: string): Promise<number> {
  const since = Date.now();
  await cluster.cutPower();
  cluster.allocateNext(address);
  await cluster.restorePower();
  return since;
}

const uids = (redis: RedisPods) => redis.pods.map((pod) => redis.ready().get(pod)?.uid);

function assertTaken(t: Test, who: string, theirs: string[], ours: string[]): void {
  const taken = theirs.filter((address) => ours.includes(address));
  t.ok(taken.length > 0, `${who} ${taken.length} of our old addresses`);
}
