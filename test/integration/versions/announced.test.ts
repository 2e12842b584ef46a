/** Nodes that announce an address which is no pod's and stays: what a load balancer or a NAT needs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { INJECTED_LABEL } from '../../../src/names.ts';
import { type ServerVersion, serverCommands, serverVersions } from '../../cluster/servers/debian-servers.ts';
import { REDIS, type RedisSettings } from '../../demo/manifests.ts';
import { freeRedisPort } from '../../support/free-port.ts';
import { forward } from './forward.ts';
import { type Actors, expectHealed, fullRestart, NODES, setScene, withCluster } from './scene.ts';

const BUS_OFFSET = 10_000;

const scene = await setScene(t);
const { kubelet, readiness, redis } = scene.stage;

for (const version of serverVersions)
  t.test(`${version}: with ports of its own, which the webhook sees`, async (t) => {
    const namespace = `nat-${version.replace('.', '-')}`;
    const settings = await behindNat(namespace, version, await freeRedisPort());
    const play = async (actors: Actors) => {
      t.same(await injectedPods(actors), [], 'no pod is injected');
      await expectHealed(t, actors, 'announced address and ports', await fullRestart(actors));
      t.same(filesTouched(actors), [], 'no nodes.conf was touched');
    };
    await withCluster(scene, version, settings, play, namespace);
  });

for (const version of ['redis-7.0', 'valkey-9'] as const)
  t.test(`${version}: with the same port, in a way that the webhook cannot see`, async (t) => {
    const namespace = `balanced-${version.replace('.', '-')}`;
    const settings = await behindNat(namespace, version, redis.port);
    const play = async (actors: Actors) => {
      t.equal((await injectedPods(actors)).length, NODES, 'all pods are injected');
      await expectHealed(t, actors, 'announced address, injected', await fullRestart(actors));
      await expectHealed(t, actors, 'the same, by a complete map', await fullRestart(actors));
      t.equal(filesTouched(actors).length, NODES, 'all files held pod IPs; the nodes announced theirs again');
    };
    await withCluster(scene, version, settings, play, namespace);
  });

/** Each node of a cluster at an address of its own that leads to its pod, and that a script in the pod knows. */
async function behindNat(
  namespace: string,
  version: ServerVersion,
  port: number,
): Promise<Partial<RedisSettings>> {
  const ordinals = Array.from({ length: NODES }, (_, ordinal) => ordinal);
  const reachedAt = ordinals.map(() => ({ host: kubelet.reserve(), port }));
  const servers = await Promise.all(
    reachedAt.flatMap(({ host }, ordinal) =>
      [0, BUS_OFFSET].map((offset) =>
        forward({ host, port: port + offset }, () => ({
          host: readiness.addressOf(`${namespace}/${REDIS}-${ordinal}`),
          port: redis.port + offset,
        })),
      ),
    ),
  );
  t.teardown(() => {
    for (const server of servers) server.close();
  });
  const cases = reachedAt.map(({ host }, ordinal) => `${REDIS}-${ordinal}) ip=${host} ;;`);
  const script = `case $POD_NAME in ${cases.join(' ')} esac; exec "$@" --cluster-announce-ip "$ip"`;
  const { server } = await serverCommands(version);
  const ports = ['--cluster-announce-port', `${port}`, '--cluster-announce-bus-port', `${port + BUS_OFFSET}`];
  const args = port === redis.port ? [] : ports;
  return { reachedAt, server: ['sh', '-c', script, 'sh', ...server], args };
}

async function injectedPods({ cluster }: Actors): Promise<string[]> {
  const pods = await cluster.listPods();
  return pods
    .filter(({ metadata }) => metadata.labels?.[INJECTED_LABEL] === 'true')
    .map(({ metadata }) => metadata.name);
}

/** Volumes in which the updater has replaced nodes.conf: it leaves a backup. */
function filesTouched({ cluster }: Actors): string[] {
  return cluster.pods
    .map((pod) => kubelet.claimDirectory(cluster.namespace, `data-${pod.split('/')[1]}`))
    .filter((directory) => existsSync(join(directory, 'nodes.conf.redis-ip-updater.bak')));
}
