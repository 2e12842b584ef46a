/** A cluster that is injected from its first start on: no pod had an id to record then, and one restarts alone. */
import t from 'tap';
import { assertRestart } from './restart.ts';
import { startStage } from './stage.ts';

const KEYS = 1000;
const NAMESPACE = 'newborn';

t.test('injected from birth', async (t) => {
  const stage = await startStage(t);
  await stage.optIn(NAMESPACE);
  const redis = await stage.createRedis({ namespace: NAMESPACE, replicas: 6 });
  await redis.form({ keys: KEYS });

  for (const restarted of [['redis-0'], ['redis-5', 'redis-1']]) {
    await assertRestart(t, redis, `the first restart of ${restarted.join(' and ')}, alone`, {
      keys: KEYS,
      restarted,
      how: () => redis.deletePods(restarted),
    });
  }

  await assertRestart(t, redis, 'then a rolling restart', {
    keys: KEYS,
    how: async () => {
      const since = Date.now();
      await stage.cluster.kubectl(['rollout', 'restart', 'statefulset/redis', '--namespace', NAMESPACE]);
      return since;
    },
  });
  await assertRestart(t, redis, 'then a full one', { keys: KEYS });
});
