/** Somebody else's redis server, in another namespace, that gets an address which was one of our pods'. */
import { pathOf, resources } from '../support/kubernetes-api/resources.ts';
import { RedisNode } from '../support/redis/node.ts';
import { namespace, strangerPod } from './manifests.ts';
import { FOREIGN_KEY_PREFIX, START_TIMEOUT_MS } from './redis-cluster.ts';
import type { Stage } from './stage.ts';

const NAMESPACE = 'neighbour';
const KEYS = 100;

/** Makes the stranger's pod, which starts as soon as the address is free, and gives it its keys. */
export async function startStranger(stage: Stage, name: string, ip: string): Promise<void> {
  const { client, kubelet, readiness, redis, timeline } = stage;
  const { code } = await client.ask('GET', pathOf(resources.namespaces, '', NAMESPACE));
  if (code === 404) await client.create(pathOf(resources.namespaces), namespace(NAMESPACE));
  const pod = `${NAMESPACE}/${name}`;
  kubelet.pin(pod, ip);
  await client.create(pathOf(resources.pods, NAMESPACE), strangerPod(redis, name));
  await readiness.lastReady([pod], 0, START_TIMEOUT_MS);
  const node = new RedisNode(ip, redis.port, redis.tls);
  const pairs = Array.from({ length: KEYS }, (_, index) => [`${FOREIGN_KEY_PREFIX}${index}`, 'not yours']);
  await node.ask('MSET', ...pairs.flat());
  node.close();
  timeline.say(`  ${pod} is somebody else's redis server, with ${KEYS} keys of its own, at ${ip}`);
}
