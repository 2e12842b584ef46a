/** Restarts of a Redis Cluster on a real kubelet, with the product as its chart installs it. */
import t, { type Test } from 'tap';
import type { RedisPods } from './redis-pods.ts';
import { assertRestart } from './restart.ts';
import { type Stage, startStage } from './stage.ts';

const KEYS = 1000;

t.test('restarts', async (t) => {
  const stage = await startStage(t);

  for (const podManagementPolicy of ['Parallel', 'OrderedReady'] as const)
    await t.test(`${podManagementPolicy}, 6 pods, all deleted at once`, async (t) => {
      const namespace = `full-${podManagementPolicy.toLowerCase()}`;
      await stage.optIn(namespace);
      const redis = await stage.createRedis({ namespace, replicas: 6, podManagementPolicy });
      await redis.form({ keys: KEYS });
      await assertRestart(t, redis, `${podManagementPolicy} 6, the first ever`, { keys: KEYS });
      const since = Date.now();
      await assertRestart(t, redis, `${podManagementPolicy} 6, the second`, { keys: KEYS });
      assertOneRequestPerPod(t, stage, redis, since);
    });
});

function assertOneRequestPerPod(t: Test, stage: Stage, redis: RedisPods, since: number): void {
  const requests = stage.auditRequests(redis.namespace, since);
  t.same([...requests.keys()].sort(), [...redis.pods].sort(), 'every pod asked the API');
  for (const [pod, events] of requests) t.equal(events.length, 1, `${pod}: one request`);
}
