/** Full restarts of a Redis Cluster on a real kubelet, with the product as its chart installs it. */
import t, { type Test } from 'tap';
import { NODES_CONFIG_MAP, NODES_TXT_KEY } from '../../src/names.ts';
import type { RedisPods } from './redis-pods.ts';
import { assertRestart, LIMITS } from './restart.ts';
import { type Stage, startStage } from './stage.ts';

const KEYS = 1000;
/** Nothing is promised for 12; 1.0 to 2.9 s were measured, once 5.9 s; two cores, load 15. */
const LIMITS_OF_12 = { ...LIMITS, stateWithinMs: 10_000 };
/** How long the cluster that has not opted in is given to heal by itself: as long as the others may take at most. */
const BROKEN_WATCH_MS = 15_000;

t.test('full restarts', async (t) => {
  const stage = await startStage(t);

  for (const replicas of [6, 12])
    for (const podManagementPolicy of ['Parallel', 'OrderedReady'] as const)
      await t.test(`${podManagementPolicy}, ${replicas} pods`, async (t) => {
        const namespace = `${podManagementPolicy.toLowerCase()}-${replicas}`;
        await stage.optIn(namespace);
        const redis = await stage.createRedis({ namespace, replicas, podManagementPolicy });
        await redis.form({ keys: KEYS });
        t.same(await nodesMap(stage, namespace), {}, 'the map is empty before the first restart');
        const limits = replicas === 6 ? LIMITS : LIMITS_OF_12;
        const what = `${podManagementPolicy} ${replicas}`;
        await assertRestart(t, redis, `${what}, the first ever`, { keys: KEYS, limits });
        t.same(
          Object.keys(await nodesMap(stage, namespace)).sort(),
          [...redis.pods].sort(),
          'and full after it',
        );
        const since = Date.now();
        await assertRestart(t, redis, `${what}, the second`, { keys: KEYS, limits });
        if (stage.cluster.auditLog) assertOneRequest(t, redis, since);
        else t.comment('no audit log is at hand here: requests are not counted');
        await stage.cluster.kubectl(['delete', 'namespace', namespace, '--wait=false']);
      });

  await t.test('the first restart ever, with a hand-made nodes.txt alone', async (t) => {
    const namespace = 'nodes-txt';
    await stage.optIn(namespace);
    const redis = await stage.createRedis({ namespace, replicas: 6 });
    await redis.form({ keys: KEYS });
    const ids = await redis.ask('CLUSTER', 'MYID');
    const lines = redis.pods.map((pod, index) => `${ids[index]} ${pod}\n`);
    const data = { [NODES_TXT_KEY]: `# made by hand\n${lines.join('')}` };
    const patch = [
      'patch',
      'configmap',
      NODES_CONFIG_MAP,
      '--namespace',
      namespace,
      '--type=merge',
      '--patch',
    ];
    await stage.cluster.kubectl([...patch, JSON.stringify({ data })]);
    t.same(await nodesMap(stage, namespace), data, 'no pod has recorded itself');
    await assertRestart(t, redis, 'nodes.txt alone', { keys: KEYS });
  });

  await t.test('without opting in, the cluster stays broken', async (t) => {
    await stage.createNamespace('not-opted-in');
    const redis = await stage.createRedis({ namespace: 'not-opted-in', replicas: 6 });
    await redis.form({ keys: KEYS });
    const readyAt = await redis.waitReady({ since: await redis.deletePods() });
    const { recovered, last } = await redis.recovery(readyAt, BROKEN_WATCH_MS);
    t.comment(`without opting in: after 15 s ${last.topology.length} states and addresses are wrong`);
    t.notOk(recovered, 'it has not healed');
    t.match(last.topology.join(), 'cluster_state:fail', 'and says so');
    await t.rejects(redis.ask('GET', 'order:1'), /CLUSTERDOWN/, 'its keys cannot be read');
  });
});

/**
 * One request for each pod. Where the kubelet had not told the API a pod's address by the time its updater asked
 * (0 to 0.2 s on a quiet machine), it reads its own pod until it did, and then lists again: nothing less is safe.
 */
function assertOneRequest(t: Test, redis: RedisPods, since: number): void {
  const announced = redis.announcedBeforeAsking(since);
  for (const [pod, asked] of Object.entries(redis.requests(since))) {
    if (announced.includes(pod)) t.same(asked, ['list pods'], `${pod} sent one request to the API`);
    else t.match(asked.join(), /^list pods(,(get pods,)+list pods)?$/, `${pod} waited for its address`);
  }
  t.ok(announced.length > 0, `${announced.length} of ${redis.pods.length} were in the API when they asked`);
}

async function nodesMap({ cluster }: Stage, namespace: string): Promise<Record<string, string>> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/${NODES_CONFIG_MAP}`;
  return (await cluster.api.request('GET', path)).data ?? {};
}
