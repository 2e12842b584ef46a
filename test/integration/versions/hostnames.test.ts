/** Nodes with hostnames (7.0 and later) and each thing that they may tell clients: addresses, hostnames, or nothing. */
import t from 'tap';
import { until } from '../../cluster/kubernetes/until.ts';
import { serverVersions } from '../../cluster/servers/debian-servers.ts';
import { DOMAIN } from '../../demo/manifests.ts';
import type { RedisCluster } from '../../demo/redis-cluster.ts';
import { expectHealed, fullRestart, setScene, withCluster } from './scene.ts';

const scene = await setScene(t);
const preferences = ['ip', 'hostname', 'unknown-endpoint'] as const;

for (const version of serverVersions.filter((version) => version !== 'redis-6.0'))
  t.test(version, async (t) => {
    await withCluster(scene, version, { preferredEndpoint: 'ip' }, async (actors) => {
      const { cluster } = actors;
      for (const preferredEndpoint of preferences) {
        await cluster.replaceStatefulSet('Parallel', { preferredEndpoint });
        await expectHealed(t, actors, `tells clients ${preferredEndpoint}`, await fullRestart(actors));
        const expected = namesOf(cluster);
        await until(
          'gossip has spread the hostnames',
          60_000,
          async () => (await hostnames(cluster)).join() === expected.join(),
        );
        t.same(await hostnames(cluster), expected, 'every node knows the hostname of every other');
        t.same(
          await endpoints(cluster),
          expectedEndpoints(cluster, preferredEndpoint),
          'what clients are told',
        );
      }
    });
  });

const namesOf = ({ pods }: RedisCluster) => pods.map((pod) => `${pod.split('/')[1]}.${DOMAIN}`).sort();

/** The hostnames that all nodes agree on. */
async function hostnames(cluster: RedisCluster): Promise<string[]> {
  const views = await Promise.all(cluster.nodes().map((node) => node.ask('CLUSTER', 'NODES')));
  const perNode = views.map((view) =>
    [...view.matchAll(/^\S+ [^ ,]*,([^ ,]*)/gm)].map(([, name]) => name ?? '').sort(),
  );
  const [first = []] = perNode;
  return perNode.every((names) => names.join() === first.join()) ? first : perNode.flat();
}

/** What the first node tells clients about where masters and replicas are, each once. */
async function endpoints(cluster: RedisCluster): Promise<(string | null)[]> {
  type Node = [endpoint: string | null, port: number];
  const [node] = cluster.nodes();
  const ranges = (await node?.ask<[number, number, ...Node[]][]>('CLUSTER', 'SLOTS')) ?? [];
  return [...new Set(ranges.flatMap(([, , ...nodes]) => nodes.map(([endpoint]) => endpoint)))].sort();
}

function expectedEndpoints(
  cluster: RedisCluster,
  preference: (typeof preferences)[number],
): (string | null)[] {
  switch (preference) {
    case 'ip':
      return cluster.addresses().sort();
    case 'hostname':
      return namesOf(cluster);
    case 'unknown-endpoint':
      return [null];
  }
}
