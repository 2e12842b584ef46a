/** One Redis Cluster on the stage: a StatefulSet in a namespace of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../support/kubernetes-api/objects.ts';
import { pathOf, resources } from '../support/kubernetes-api/resources.ts';
import {
  type Access,
  countIntactKeys,
  countIntactKeysAtMasters,
  type Endpoint,
  joinCluster,
  writeKeys,
} from '../support/redis/cluster.ts';
import { RedisNode, scan } from '../support/redis/node.ts';
import { watchRecovery } from '../support/redis/recovery.ts';
import { cliOf, DOMAIN, namespace, REDIS, type RedisSettings, redisStatefulSet } from './manifests.ts';
import { optInNamespace } from './opt-in.ts';
import type { Stage } from './stage.ts';

export const KEYS = 1000;
export const FOREIGN_KEY_PREFIX = 'stranger:';
export const START_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

export class RedisCluster {
  readonly namespace: string;
  /** `namespace/name`, by ordinal: the first half were made masters. */
  readonly pods: readonly string[];
  #stage: Stage;
  #nodes: RedisNode[] = [];

  constructor(stage: Stage, namespace: string) {
    this.#stage = stage;
    this.namespace = namespace;
    this.pods = Array.from({ length: stage.nodes }, (_, ordinal) => `${namespace}/${REDIS}-${ordinal}`);
  }

  /**
   * Makes the namespace, the StatefulSet, the cluster and its keys, and waits until all is well. A `labelled` one has
   * its pods injected from the first, as new nodes: none of them has a node id to record yet.
   */
  async create({ labelled = false } = {}): Promise<void> {
    const { client, redis, readiness, nodes } = this.#stage;
    await client.create(pathOf(resources.namespaces), namespace(this.namespace));
    if (labelled) await optInNamespace(this.#stage, this.namespace);
    await client.create(
      pathOf(resources.statefulsets, this.namespace),
      redisStatefulSet(redis, nodes, 'Parallel', { labelled }),
    );
    await readiness.lastReady(this.pods, 0, START_TIMEOUT_MS);
    await joinCluster(cliOf(redis), this.endpoints());
    await this.settle();
    await writeKeys(this.endpoints(), KEYS, this.#access());
    await this.settle();
  }

  /** Deletes the namespace with all that is in it. */
  async remove(): Promise<void> {
    this.disconnect();
    await this.#stage.client.delete(pathOf(resources.namespaces, '', this.namespace));
  }

  /** Waits until the cluster is healthy, as before any restart. */
  async settle(): Promise<void> {
    const watch = { startedAtMs: performance.now(), timeoutMs: START_TIMEOUT_MS };
    const { recovered, last } = await watchRecovery(this.nodes(), watch);
    if (recovered) return;
    const problems = [...last.topology, ...last.replication].join('; ');
    throw new Error(`the cluster in ${this.namespace} does not get healthy: ${problems}`);
  }

  /** Where each pod was when it last got ready, by ordinal. */
  addresses(): string[] {
    return this.pods.map((pod) => this.#stage.readiness.addressOf(pod));
  }

  /** Where each node is reached. */
  endpoints(): readonly Endpoint[] {
    const { port, reachedAt } = this.#stage.redis;
    return reachedAt ?? this.addresses().map((host) => ({ host, port }));
  }

  /** Connections to all nodes, where they are reached at present. */
  nodes(): RedisNode[] {
    const endpoints = this.endpoints();
    if (endpoints.map(({ host }) => host).join() !== this.#nodes.map(({ host }) => host).join()) {
      this.disconnect();
      this.#nodes = endpoints.map(({ host, port }) => new RedisNode(host, port, this.#stage.redis.tls));
    }
    return this.#nodes;
  }

  disconnect(): void {
    for (const node of this.#nodes) node.close();
    this.#nodes = [];
  }

  /**
   * Deletes all pods at once, as `kubectl delete pods --all` does. New ones start only when the last old process
   * is gone and `meanwhile` is done: here they would be quicker than any real pod, and an old node that still
   * runs would tell the new ones about each other. What is tested is the loss of all addresses. Pods that are `late`
   * stay held until the caller releases them.
   */
  async loseAllPods(
    meanwhile: (oldAddresses: string[]) => Promise<void> | void = () => undefined,
    late: readonly string[] = [],
  ): Promise<void> {
    const { client, kubelet, timeline } = this.#stage;
    const old = new Set((await this.listPods()).map(({ metadata }) => metadata.uid));
    const oldAddresses = this.addresses();
    for (const pod of this.pods) kubelet.hold(pod);
    await client.delete(pathOf(resources.pods, this.namespace));
    while ((await this.listPods()).some(({ metadata }) => old.has(metadata.uid))) await sleep(POLL_MS);
    timeline.say('all pods are gone at once, and with them every address');
    await meanwhile(oldAddresses);
    for (const pod of this.pods) if (!late.includes(pod)) kubelet.release(pod);
  }

  /**
   * The policy of a StatefulSet cannot be changed: a user deletes it, leaving its pods, and creates it anew. New
   * settings count from the next start of each pod on.
   */
  async replaceStatefulSet(
    policy: 'Parallel' | 'OrderedReady',
    settings: Partial<RedisSettings> = {},
  ): Promise<void> {
    const { client, nodes, timeline } = this.#stage;
    this.#stage = { ...this.#stage, redis: { ...this.#stage.redis, ...settings } };
    const path = pathOf(resources.statefulsets, this.namespace);
    await client.delete(`${path}/${REDIS}`, { propagationPolicy: 'Orphan' });
    await client.create(path, redisStatefulSet(this.#stage.redis, nodes, policy, { labelled: true }));
    timeline.say(`the StatefulSet now has podManagementPolicy: ${policy}`);
  }

  /** The pods as the API shows them. */
  async listPods(): Promise<Pod[]> {
    const { items } = await this.#stage.client.get<{ items: Pod[] }>(pathOf(resources.pods, this.namespace));
    return items;
  }

  /** How many keys, read through the cluster, still have their value. */
  intactKeys(): Promise<number> {
    const keys =
      this.#stage.redis.preferredEndpoint === 'unknown-endpoint'
        ? countIntactKeysAtMasters(this.nodes(), KEYS)
        : countIntactKeys(this.endpoints(), KEYS, this.#access());
    return keys.catch(() => 0);
  }

  /** How an application reaches the nodes, by their names too. */
  #access(): Access {
    const { tls } = this.#stage.redis;
    const addresses = new Map(
      this.pods.map((pod, ordinal) => [`${pod.split('/')[1]}.${DOMAIN}`, this.addresses()[ordinal]]),
    );
    return { lookUp: (name) => addresses.get(name), ...(tls && { tls }) };
  }

  /** How many keys of the stranger each node holds, by ordinal. */
  foreignKeys(): Promise<number[]> {
    const count = (node: RedisNode) => scan(node, `${FOREIGN_KEY_PREFIX}*`).then((keys) => keys.length);
    return Promise.all(this.nodes().map((node) => count(node).catch(() => 0)));
  }
}
