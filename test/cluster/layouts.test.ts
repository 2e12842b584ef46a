/** Other people's StatefulSets: where their files are, who runs, and what runs after us. */
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { bitnamiServer, bitnamiTags, CONFIGURATION, DATA, exporter } from './bitnami/image.ts';
import { type Names, startNames } from './bitnami/names.ts';
import { betweenPods } from './hands.ts';
import { type StatefulSet, volumeDirectory } from './redis-objects.ts';
import type { RedisPods } from './redis-pods.ts';
import { assertRestart } from './restart.ts';
import { type Stage, startStage } from './stage.ts';

const KEYS = 1000;
const REPLICAS = 6;
const BITNAMI_UID = 1001;

t.test('layouts', async (t) => {
  const stage = await startStage(t, { archives: [await bitnamiServer(), await exporter()] });

  await t.test(
    'bitnami: subPath, user 1001, an exporter, and an entrypoint with a list of hosts',
    async (t) => {
      const namespace = 'bitnami';
      const names = await startNames(stage);
      await stage.optIn(namespace);
      const unfollow = await names.follow(namespace);
      t.teardown(unfollow);
      const redis = await stage.createRedis({
        namespace,
        replicas: REPLICAS,
        uid: BITNAMI_UID,
        image: bitnamiTags.server,
        mutate: (set) => asBitnamis(set, stage, names),
      });
      await redis.form({ keys: KEYS });
      await assertRestart(t, redis, 'bitnami, the first restart', { keys: KEYS });
      let taken = 0;
      for (let round = 1; round <= 3; round += 1) taken += await restartSwapped(t, stage, redis, round);
      // In which order the kubelet starts them is its own affair: in a single round all may get their old ones.
      t.ok(taken >= 4, `${taken} times a pod got the former address of another`);
      assertHostList(t, redis, names);
    },
  );

  await t.test('a volume of its own for nodes.conf', async (t) => {
    const namespace = 'two-volumes';
    await stage.optIn(namespace);
    const claims = ['data', 'node-conf'];
    const redis = await stage.createRedis({ namespace, replicas: REPLICAS, claims, mutate: withTwoVolumes });
    await redis.form({ keys: KEYS });
    await assertRestart(t, redis, 'nodes.conf on a volume of its own, the first restart', { keys: KEYS });
    await assertRestart(t, redis, 'nodes.conf on a volume of its own, the second', { keys: KEYS });
    const conf = 'nodes.conf.redis-ip-updater.bak';
    t.ok(existsSync(join(redis.volume('redis-0', 'node-conf'), conf)), 'rewritten there');
    t.notOk(existsSync(join(redis.volume('redis-0'), conf)), 'and nowhere else');
  });
});

/**
 * Every pod starts at one of the addresses that the pods had, or right after them.
 *
 * @returns how many have the former address of another
 */
async function restartSwapped(t: Test, stage: Stage, redis: RedisPods, round: number): Promise<number> {
  const before = redis.addresses();
  const sorted = before.toSorted((a, b) => lastNumber(a) - lastNumber(b));
  const what = `bitnami, addresses swapped, round ${round}`;
  await assertRestart(t, redis, what, {
    keys: KEYS,
    how: () => betweenPods(stage, redis, redis.pods, () => stage.cluster.allocateNext(sorted[1] ?? '')),
  });
  const taken = redis
    .addresses()
    .filter((address, pod) => before.includes(address) && before[pod] !== address);
  t.comment(`${what}: ${taken.length} of ${before.length} pods have the former address of another`);
  return taken.length;
}

const lastNumber = (address: string) => Number(address.split('.').at(-1));

/** The entrypoint ran after us and found nothing to replace: its list is as of now, what it was is beside it. */
function assertHostList(t: Test, redis: RedisPods, names: Names): void {
  const addresses = redis.addresses();
  for (const pod of redis.pods) {
    const file = join(redis.volume(pod), 'data/nodes.sh');
    const list = readFileSync(file, 'utf8');
    const right = redis.pods.filter((peer, index) =>
      list.includes(`[${names.hostOf(peer)}]="${addresses[index]}"`),
    );
    t.ok(right.includes(pod), `${pod}: its list has ${right.length} of ${redis.pods.length} hosts as of now`);
    t.match(readFileSync(`${file}.redis-ip-updater.bak`, 'utf8'), /^declare -A host_2_ip_array/);
  }
}

/** The layout of the chart bitnami/redis-cluster. */
function asBitnamis(set: StatefulSet, stage: Stage, names: Names): StatefulSet {
  const { namespace } = set.metadata;
  for (let ordinal = 0; ordinal < REPLICAS; ordinal += 1) {
    // What the kubelet makes of a volume with fsGroup; it leaves those on a hostPath alone.
    chmodSync(volumeDirectory(stage.cluster.directory, { namespace }, ordinal), 0o2775);
  }
  const { spec } = set.spec.template;
  const [redis] = spec.containers;
  spec.securityContext = { fsGroup: BITNAMI_UID };
  // The exporter's stand-in heeds no signal.
  spec.terminationGracePeriodSeconds = 3;
  const securityContext = { runAsUser: BITNAMI_UID, runAsGroup: 0, runAsNonRoot: true };
  const hosts = Array.from({ length: REPLICAS }, (_, ordinal) => names.hostOf(`redis-${ordinal}`));
  redis.securityContext = securityContext;
  redis.volumeMounts = [{ name: 'data', mountPath: DATA, subPath: 'data' }];
  redis.env = [
    { name: 'REDIS_DATA_DIR', value: DATA },
    { name: 'REDIS_NODES', value: hosts.join(' ') },
    { name: 'LOOKUP', value: `redis-cli -h ${names.address} --raw GET` },
    { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
  ];
  redis.args = ['redis-server', CONFIGURATION, '--cluster-announce-ip', '$(POD_IP)'];
  const metrics = { name: 'metrics', image: bitnamiTags.exporter, imagePullPolicy: 'Never', securityContext };
  // The exporter is the first: who takes the first container has the wrong one.
  spec.containers = [metrics, redis];
  return set;
}

function withTwoVolumes(set: StatefulSet): StatefulSet {
  const [redis] = set.spec.template.spec.containers;
  redis.volumeMounts.push({ name: 'node-conf', mountPath: '/node-conf' });
  redis.args = redis.args.map((arg: string) => (arg === 'nodes.conf' ? '/node-conf/nodes.conf' : arg));
  return set;
}
