/** The cluster that the cluster tests stand on: what of Kubernetes they rely on, and that it leaves nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import t, { type Test } from 'tap';
import { nodeImage, redisImage } from './images/stand-ins.ts';
import { type Cluster, startCluster } from './kubernetes/cluster.ts';
import { hostState } from './kubernetes/host-state.ts';
import { requirePackages } from './kubernetes/packages.ts';
import {
  bootedAtMilliseconds,
  changes,
  type Pod,
  showsFormerAddress,
  startsOf,
} from './kubernetes/pod-status.ts';
import { redisStatefulSet, whoAmIPod } from './kubernetes/sample-objects.ts';
import { traces } from './kubernetes/traces.ts';
import { until } from './kubernetes/until.ts';
import { recordWatch, type WatchEvent } from './kubernetes/watch.ts';

const REPLICAS = 3;
const PODS = '/api/v1/namespaces/default/pods';

t.test('a cluster from boot to stop', async (t) => {
  await requirePackages();
  const archives = [await redisImage(), await nodeImage()];
  const before = await hostState();
  const cluster = await timed(t, 'boot', () => startCluster());
  t.teardown(() => cluster.stop());
  for (const archive of archives) await cluster.loadImage(archive);
  const watch = recordWatch(cluster, PODS);
  await cluster.kubectl(['create', '--filename=-'], JSON.stringify(redisStatefulSet(REPLICAS)));
  await timed(t, `${REPLICAS} pods ready`, () => rolledOut(cluster));

  await t.test('pods have addresses of the range, at which their servers answer', async (t) => {
    for (const [name, address] of await addresses(cluster)) {
      t.match(address, /^10\.244\.0\.\d+$/, `${name} has ${address}`);
      t.equal(await cluster.runInNetwork(['redis-cli', '-h', address, 'PING']), 'PONG\n', 'it answers');
    }
  });

  await t.test('a Service leads to them, also from a pod', async (t) => {
    await cluster.kubectl(['create', 'service', 'clusterip', 'redis', '--tcp=6379']);
    const address = await cluster.kubectl(['get', 'service/redis', '--output=jsonpath={.spec.clusterIP}']);
    const ping = ['exec', 'redis-0', '--container=redis', '--', 'redis-cli', '-h', address, 'PING'];
    const answer = await until('kube-proxy has set it up', 10_000, () =>
      cluster.kubectl(ping).catch(() => false),
    );
    t.equal(answer, 'PONG\n');
  });

  await t.test('logs can be read', async (t) => {
    t.match(await cluster.kubectl(['logs', 'redis-0']), 'Ready to accept connections');
  });

  await t.test('the service account token of a pod is good for the API', async (t) => {
    await cluster.kubectl(['create', '--filename=-'], JSON.stringify(whoAmIPod()));
    await cluster.kubectl(['wait', 'pod/who', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=30s']);
    t.equal(await cluster.kubectl(['logs', 'who']), '201 system:serviceaccount:default:default\n');
    await cluster.kubectl(['delete', 'pod/who', '--now']);
  });

  await t.test('a pod sees its own address in the API soon after its init container starts', async (t) => {
    await assertAnnouncedSoon(t, cluster, watch.events);
  });

  await t.test('a node reboot keeps the pods and changes their addresses', async (t) => {
    const old = await pods(cluster);
    await cluster.cutPower();
    t.same(await addresses(cluster), old.map(nameAndAddress), 'without a kubelet the API shows the old ones');
    const from = watch.events.length;
    const restoredAt = Date.now();
    await cluster.restorePower();
    await rebooted(cluster, old);
    await rolledOut(cluster);

    for (const pod of await pods(cluster)) {
      const was = old.find(({ metadata }) => metadata.name === pod.metadata.name);
      t.equal(pod.metadata.uid, was?.metadata.uid, `${pod.metadata.name} is the same object`);
      const told = watch.events.slice(from).filter(({ object }) => object.metadata.uid === pod.metadata.uid);
      assertAnnouncement(t, was, told, restoredAt);
    }
    await assertAnnouncedSoon(t, cluster, watch.events);
  });

  await t.test(
    'sandboxes that die under a running kubelet: the old address is shown until there is a new one',
    async (t) => {
      const old = await pods(cluster);
      const from = watch.events.length;
      await cluster.killPods();
      await rebooted(cluster, old);
      await rolledOut(cluster);
      for (const { metadata, status } of old) {
        const told = watch.events.slice(from).filter(({ object }) => object.metadata.uid === metadata.uid);
        const noticed = told.slice(told.findIndex(({ object }) => showsFormerAddress(object)));
        const announced = noticed.findIndex(({ object }) => object.status.podIP !== status.podIP);
        t.ok(announced > 0, `${metadata.name}: ${announced} changes with the old address`);
        t.ok(
          noticed.slice(0, announced).every(({ object }) => showsFormerAddress(object)),
          'of which the condition of its sandbox tells that it is the old one',
        );
        t.notOk(showsFormerAddress(noticed[announced]?.object), 'and then that it is not');
      }
    },
  );

  await t.test('the next address can be chosen', async (t) => {
    cluster.allocateNext('10.244.0.77');
    await cluster.kubectl(['delete', 'pod/redis-0', '--now']);
    await rolledOut(cluster);
    t.equal(new Map(await addresses(cluster)).get('redis-0'), '10.244.0.77');
  });

  watch.end();
  const name = basename(cluster.directory);
  t.not(traces(name).length, 0, 'while it runs there are traces of it');
  await timed(t, 'stop', () => cluster.stop());
  t.same(traces(name), [], 'no process, mount, cgroup or directory of it is left');
  t.same(await hostState(name), before, 'the host is as before');
});

for (const podCidrs of [['10.244.0.0/27', 'fd00:10:244::/64'], ['fd00:10:244::/64']]) {
  t.test(`pods in ${podCidrs.join(' and ')}`, async (t) => {
    const cluster = await timed(t, 'boot', () => startCluster({ podCidrs }));
    t.teardown(() => cluster.stop());
    for (const archive of [await redisImage(), await nodeImage()]) await cluster.loadImage(archive);
    await cluster.kubectl(['create', '--filename=-'], JSON.stringify(redisStatefulSet(REPLICAS)));
    await rolledOut(cluster);
    for (const { metadata, status } of await pods(cluster)) {
      const ips = status.podIPs ?? [];
      t.equal(ips.length, podCidrs.length, `${metadata.name} has one address of each range`);
      for (const { ip } of ips) {
        t.equal(await cluster.runInNetwork(['redis-cli', '-h', ip, 'PING']), 'PONG\n', `${ip} answers`);
      }
    }
    await cluster.kubectl(['create', '--filename=-'], JSON.stringify(whoAmIPod()));
    await cluster.kubectl(['wait', 'pod/who', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=30s']);
    t.match(await cluster.kubectl(['logs', 'who']), '201 ', 'pods reach the API');
  });
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  t.test(`${signal} of the test process`, async (t) => {
    const before = await hostState();
    const module = import.meta.resolve('./kubernetes/cluster.ts');
    const program = `
      import { startCluster } from ${JSON.stringify(module)};
      console.log((await startCluster()).directory);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const name = basename(line.toString().trim());
    t.not(traces(name).length, 0, 'while it runs there are traces of it');
    child.kill(signal);
    await once(child, 'exit');
    await until('nothing of it is left', 20_000, () => traces(name).length === 0);
    t.same(await hostState(name), before, 'the host is as before');
  });
}

/** Runs something and says how long it took. */
async function timed<T>(t: Test, what: string, use: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await use();
  t.comment(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  return result;
}

async function rolledOut(cluster: Cluster): Promise<void> {
  await cluster.kubectl(['rollout', 'status', 'statefulset/redis', '--timeout=60s']);
}

async function pods(cluster: Cluster): Promise<Pod[]> {
  const list = await cluster.api.request('GET', `${PODS}?labelSelector=app%3Dredis`);
  return list.items;
}

function nameAndAddress({ metadata, status }: Pod): [string, string] {
  return [metadata.name, status.podIP ?? ''];
}

async function addresses(cluster: Cluster): Promise<[string, string][]> {
  return (await pods(cluster)).map(nameAndAddress);
}

/** Until every pod has another address: the StatefulSet counts them as ready until the kubelet reports. */
async function rebooted(cluster: Cluster, old: Pod[]): Promise<void> {
  await until('every pod has another address', 60_000, async () =>
    (await addresses(cluster)).every(
      ([name, address]) => address !== '' && address !== new Map(old.map(nameAndAddress)).get(name),
    ),
  );
}

/** The first event with a new address also says, in other fields, that the pod was started anew. */
function assertAnnouncement(t: Test, was: Pod | undefined, told: WatchEvent[], restoredAt: number): void {
  const shown = told.map(({ object }) => object.status.podIP ?? 'none');
  const sequence = shown.filter((address, index) => address !== shown[index - 1]);
  t.comment(`${was?.metadata.name} showed ${was?.status.podIP}, ${sequence.join(', ')}`);
  const announced: Pod | undefined = told.find(
    ({ object }) => object.status.podIP !== undefined && object.status.podIP !== was?.status.podIP,
  )?.object;
  t.ok(announced, 'the new address was announced');
  if (!was || !announced) return;
  if (was.metadata.name === 'redis-0')
    for (const line of changes(was.status, announced.status)) t.comment(line);
  // Kubernetes tells these times in whole seconds.
  const starts = startsOf(announced);
  t.ok(starts.initContainer + 1000 > restoredAt, 'with the new start of its init container');
  t.ok(starts.sandbox + 1000 > restoredAt, 'and with that of its sandbox');
  t.equal(announced.status.startTime, was.status.startTime, 'but with the old startTime');
}

/** The init container of each pod has logged its address and, by the clock of the kernel, when it started. */
async function assertAnnouncedSoon(t: Test, cluster: Cluster, events: WatchEvent[]): Promise<void> {
  for (const { metadata } of await pods(cluster)) {
    const log = await cluster.kubectl(['logs', metadata.name, '--container=init']);
    const [address, upSeconds] = log.trim().split(' ');
    const startedAt = bootedAtMilliseconds() + Number(upSeconds) * 1000;
    const told = events.find(
      ({ object }) => object.metadata.uid === metadata.uid && object.status.podIP === address,
    );
    const delay = Math.round((told?.atMilliseconds ?? Number.POSITIVE_INFINITY) - startedAt);
    t.ok(delay < 2000, `${metadata.name}: ${address} in the API ${delay} ms after its init container ran`);
  }
}
