/** Restarts of some of the pods, and of clusters that share a namespace or span StatefulSets. */
import t from 'tap';
import { assertRestart } from './restart.ts';
import { startStage } from './stage.ts';
import { lowest } from './strangers.ts';

const KEYS = 1000;

t.test('partial restarts', async (t) => {
  const stage = await startStage(t);

  await t.test('one pod, half of the pods', async (t) => {
    await stage.optIn('some');
    const redis = await stage.createRedis({ namespace: 'some', replicas: 6 });
    await redis.form({ keys: KEYS });
    // The first ones to restart meet pods that are not in the map yet.
    const halves = [
      ['redis-0', 'redis-1', 'redis-2'],
      ['redis-3', 'redis-4', 'redis-5'],
      ['redis-0', 'redis-2', 'redis-4'],
    ];
    for (const restarted of [...redis.pods.map((pod) => [pod]), ...halves]) {
      const how = () => redis.deletePods(restarted);
      await assertRestart(t, redis, restarted.join(' and '), { how, restarted, keys: KEYS });
    }
  });

  await t.test('two clusters in one namespace', async (t) => {
    await stage.optIn('two');
    const [one, other] = await Promise.all([
      stage.createRedis({ namespace: 'two', name: 'one', replicas: 6 }),
      stage.createRedis({ namespace: 'two', name: 'other', replicas: 6 }),
    ]);
    await one.form({ keys: KEYS });
    await other.form({ keys: 2 * KEYS });
    for (const round of ['first', 'second']) {
      // Nobody starts before the servers of both are gone, and then at addresses of either cluster.
      const all = one.with(other);
      const restart = all.deletePodsAndHold((old) => stage.cluster.allocateNext(lowest(old)));
      const how = () => restart;
      await Promise.all([
        assertRestart(t, one, `one of two clusters, ${round}`, { how, keys: KEYS }),
        assertRestart(t, other, `the other, ${round}`, { how, keys: 2 * KEYS }),
      ]);
    }
  });

  await t.test('one cluster of several StatefulSets', async (t) => {
    await stage.optIn('sets');
    const sets = await Promise.all(
      ['a', 'b', 'c'].map((name) => stage.createRedis({ namespace: 'sets', name, replicas: 2 })),
    );
    const redis = sets.reduce((all, set) => all.with(set));
    await redis.form({ keys: KEYS });
    for (const round of ['first', 'second'])
      await assertRestart(t, redis, `three StatefulSets, ${round}`, { keys: KEYS });
  });
});
