/** What becomes of a cluster whose pods, StatefulSet or volumes are multiplied and taken away. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { NODES_CONFIG_MAP } from '../../src/names.ts';
import { clusterNodes, emptyDirectory, redisCli, whoIsWho } from './hands.ts';
import { until } from './kubernetes/until.ts';
import { persistentVolume, volumeDirectory } from './redis-objects.ts';
import { RedisPods } from './redis-pods.ts';
import { assertRestart } from './restart.ts';
import { type Stage, startStage } from './stage.ts';

const KEYS = 1000;
const REPLICAS = 6;
const FIRST = 'first';
const SECOND = 'second';
/** Twice as long as a clone needed to take over all peers of its original (design.md). */
const WATCHED_MS = 16_000;

t.test('pods, StatefulSet and volumes come and go', async (t) => {
  const stage = await startStage(t);
  await stage.optIn(FIRST);
  const redis = await stage.createRedis({ namespace: FIRST, replicas: REPLICAS });
  await redis.form({ keys: KEYS });
  await assertRestart(t, redis, 'the first restart', { keys: KEYS });

  await t.test('deleted with --cascade=orphan, and made again', async (t) => {
    const uids = await podUids(stage);
    await kubectl(stage, 'delete', 'statefulset/redis', '--cascade=orphan');
    t.same(await recordedPods(stage), redis.pods, 'the entries stay meanwhile');
    await stage.createRedis({ namespace: FIRST, replicas: REPLICAS });
    await kubectl(stage, 'rollout', 'status', 'statefulset/redis', '--timeout=60s');
    t.same(await podUids(stage), uids, 'the pods were adopted');
    await assertRestart(t, redis, 'orphaned and adopted: the full restart after', { keys: KEYS });
  });

  await t.test('scaled up, down, and up again with a new volume', async (t) => {
    const more = await stage.createRedis({ namespace: FIRST, replicas: REPLICAS + 1 });
    await addReplica(stage, more);
    await assertRestart(t, more, 'scaled up: the full restart after', { keys: KEYS });
    t.same(await recordedPods(stage), more.pods, 'the new pod is recorded');

    const { ids } = await whoIsWho(stage, more);
    const leaving = ids.get(`redis-${REPLICAS}`) ?? '';
    const endpoint = `${more.addresses()[0]}:6379`;
    await stage.cluster.runInNetwork(['redis-cli', '--cluster', 'del-node', endpoint, leaving]);
    await kubectl(stage, 'scale', 'statefulset/redis', `--replicas=${REPLICAS}`);
    await until('the entry of the pod scaled away is removed', 60_000, async () => {
      return (await recordedPods(stage)).length === REPLICAS;
    });
    t.same(await recordedPods(stage), redis.pods, 'and no other');
    await redis.settle();

    await renewVolume(stage, REPLICAS);
    await kubectl(stage, 'scale', 'statefulset/redis', `--replicas=${REPLICAS + 1}`);
    await addReplica(stage, more);
    t.not((await whoIsWho(stage, more)).ids.get(`redis-${REPLICAS}`), leaving, 'it is a new node');
    await assertRestart(t, more, 'scaled up again with a new volume: the full restart after', { keys: KEYS });
  });

  await t.test(
    'a snapshot of all volumes, restored in a second namespace while the first runs',
    async (t) => {
      const count = REPLICAS + 1;
      const original = new RedisPods(stage, FIRST, [{ replicas: count }]);
      const before = await viewsOf(stage, original);
      await stage.optIn(SECOND);
      const clone = await stage.createRedis({
        namespace: SECOND,
        replicas: count,
        mutate: (set) => {
          for (const pod of original.pods) copyVolume(original.volume(pod), stage, pod);
          return set;
        },
      });
      const readyAt = await clone.waitReady();
      const { recovered, healMs } = await clone.recovery(readyAt);
      t.comment(
        `snapshot: the clones are a cluster of their own ${(healMs / 1000).toFixed(1)} s after Ready`,
      );
      t.ok(recovered, 'the clones find each other, and nobody else');
      t.equal(await clone.countIntactKeys(KEYS), KEYS, 'with every key');
      t.same(
        new Set((await whoIsWho(stage, clone)).ids.values()),
        new Set((await whoIsWho(stage, original)).ids.values()),
        'under the same ids',
      );
      await sleep(WATCHED_MS);
      t.same(await viewsOf(stage, original), before, 'the originals see each other where they were');
      t.same(await original.health(), { topology: [], replication: [] });
      t.same(await clone.health(), { topology: [], replication: [] });
      await redisCli(stage, clone.addresses()[0] ?? '', '-c', 'SET', 'only:clone', '1');
      t.same(
        await original.countKeys('only:*'),
        original.pods.map(() => 0),
        'what is written to one',
      );
      t.equal((await clone.countKeys('only:*')).filter((keys) => keys > 0).length > 0, true, 'stays in one');
      await assertRestart(t, clone, 'the clones, restarted beside the originals', { keys: KEYS });
      await assertRestart(t, original, 'the originals, restarted beside the clones', { keys: KEYS });
    },
  );
});

function kubectl({ cluster }: Stage, ...args: string[]): Promise<string> {
  return cluster.kubectl([...args, '--namespace', FIRST]);
}

async function podUids({ cluster }: Stage): Promise<string[]> {
  const { items } = await cluster.api.request('GET', `/api/v1/namespaces/${FIRST}/pods`);
  return items.map(({ metadata }: { metadata: { uid: string } }) => metadata.uid).sort();
}

async function recordedPods({ cluster }: Stage): Promise<string[]> {
  const path = `/api/v1/namespaces/${FIRST}/configmaps/${NODES_CONFIG_MAP}`;
  return Object.keys((await cluster.api.request('GET', path)).data ?? {}).sort();
}

/** The last pod becomes one more replica of whoever redis-cli finds. */
async function addReplica({ cluster }: Stage, redis: RedisPods): Promise<void> {
  await redis.waitReady();
  const [first, added] = [redis.addresses()[0], redis.addresses().at(-1)];
  const add = ['--cluster', 'add-node', `${added}:6379`, `${first}:6379`, '--cluster-slave'];
  await cluster.runInNetwork(['redis-cli', ...add]);
  await redis.settle();
}

/** The claim of a pod and its volume are removed, and a new volume is made that is empty. */
async function renewVolume(stage: Stage, ordinal: number): Promise<void> {
  const claim = `data-redis-${ordinal}`;
  await kubectl(stage, 'delete', `persistentvolumeclaim/${claim}`);
  await stage.cluster.kubectl(['delete', `persistentvolume/${FIRST}-${claim}`]);
  const redis = { namespace: FIRST, replicas: ordinal + 1 };
  emptyDirectory(volumeDirectory(stage.cluster.directory, redis, ordinal));
  await stage.apply(persistentVolume(redis, stage.cluster.directory, ordinal));
}

/** What a snapshot has: the files as they are while the server runs, with owners and times. */
function copyVolume(from: string, { cluster }: Stage, pod: string): void {
  const ordinal = Number(pod.split('-').at(-1));
  const to = volumeDirectory(cluster.directory, { namespace: SECOND }, ordinal);
  execFileSync('cp', ['--archive', `${from}/.`, to]);
}

/** Where each server sees each node. */
async function viewsOf(stage: Stage, redis: RedisPods): Promise<string[][]> {
  const views = await Promise.all(redis.addresses().map((address) => clusterNodes(stage, address)));
  return views.map((nodes) => nodes.map(({ id, ip }) => `${id} ${ip}`).sort());
}
