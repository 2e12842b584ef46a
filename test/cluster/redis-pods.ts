/** The pods of a Redis Cluster on the stage: what a user does with them, and what the tests ask of them. */
import { isIP } from 'node:net';
import type { Endpoint } from '../support/redis/cluster.ts';
import type { Judgement } from '../support/redis/health.ts';
import type { Recovery } from '../support/redis/recovery.ts';
import { until } from './kubernetes/until.ts';
import { NODE_NAME } from './kubernetes/users.ts';
import { type ReadyPod, readyPods, shownSince } from './readiness.ts';
import type { TaskName, Tasks } from './redis-agent.ts';
import { type RedisOptions, volumeDirectory } from './redis-objects.ts';
import type { Stage } from './stage.ts';

const PORT = 6379;
const READY_TIMEOUT_MS = 120_000;
const HEAL_TIMEOUT_MS = 60_000;

type Set = Pick<RedisOptions, 'name' | 'replicas' | 'family'>;

export class RedisPods {
  readonly namespace: string;
  readonly pods: readonly string[];
  readonly #stage: Stage;
  readonly #sets: readonly Set[];

  /** @param sets the StatefulSets whose pods are (to be) one cluster */
  constructor(stage: Stage, namespace: string, sets: readonly Set[]) {
    this.#stage = stage;
    this.namespace = namespace;
    this.#sets = sets;
    this.pods = sets.flatMap(({ name = 'redis', replicas }) =>
      Array.from({ length: replicas }, (_, ordinal) => `${name}-${ordinal}`),
    );
  }

  /** These and those of other StatefulSets of the namespace as one cluster. */
  with(other: RedisPods): RedisPods {
    return new RedisPods(this.#stage, this.namespace, [...this.#sets, ...other.#sets]);
  }

  /**
   * Until all pods are ready, those of `restarted` anew since then.
   *
   * @returns when the last one became ready, by Date.now()
   */
  async waitReady({
    since = 0,
    restarted = this.pods,
  }: {
    since?: number;
    restarted?: readonly string[];
  } = {}) {
    const what = `all pods of ${this.namespace} are ready: ${this.pods.join(', ')}`;
    return until(what, READY_TIMEOUT_MS, () => {
      const ready = readyPods(this.#stage.podEvents(this.namespace));
      const isReady = (pod: string) => {
        const found = ready.get(pod);
        return found !== undefined && (found.since > since || !restarted.includes(pod));
      };
      if (!this.pods.every(isReady)) return undefined;
      return Math.max(1, ...restarted.map((pod) => ready.get(pod)?.since ?? 0));
    });
  }

  /** The pods that are ready, by name. */
  ready(): Map<string, ReadyPod> {
    return readyPods(this.#stage.podEvents(this.namespace));
  }

  /** Where each pod was when it last was ready, in the order of `pods`. */
  addresses(): string[] {
    const ready = this.ready();
    const family = this.#sets[0]?.family;
    const addressOf = ({ ip, ips }: ReadyPod) =>
      family === undefined ? ip : (ips.find((each) => isIP(each) === family) ?? '');
    return this.pods.map((pod) => {
      const found = ready.get(pod);
      return found ? addressOf(found) : '';
    });
  }

  endpoints(): Endpoint[] {
    return this.addresses().map((host) => ({ host, port: PORT }));
  }

  /** Joins the pods, writes keys and waits until all is well. The first half become masters, or the last. */
  async form({ keys, masters = 'first' }: { keys: number; masters?: 'first' | 'last' }): Promise<void> {
    await this.waitReady();
    const endpoints = this.endpoints();
    await this.do('join', {}, masters === 'first' ? endpoints : endpoints.reverse());
    await this.settle();
    await this.writeKeys(keys);
    await this.settle();
  }

  async writeKeys(count: number): Promise<void> {
    await this.do('writeKeys', { count });
  }

  countIntactKeys(count: number): Promise<number> {
    return this.do('countIntactKeys', { count });
  }

  /** Keys of each pod that match. */
  countKeys(pattern: string): Promise<number[]> {
    return this.do('countKeys', { pattern });
  }

  /** What is wrong now, strictly. */
  health(): Promise<Judgement> {
    return this.do('examine', {});
  }

  /** Watches until state, addresses and replication are right, or the time is over. */
  recovery(startedAt: number, timeoutMs = HEAL_TIMEOUT_MS): Promise<Recovery> {
    return this.do('watchRecovery', { startedAt, timeoutMs });
  }

  /** Waits until all is well, as before any restart. */
  async settle(): Promise<void> {
    const { recovered, last } = await this.recovery(Date.now());
    if (recovered) return;
    const problems = [...last.topology, ...last.replication].join('; ');
    throw new Error(`the cluster in ${this.namespace} does not get healthy: ${problems}`);
  }

  /** Deletes pods at once, as `kubectl delete pod` does; returns the moment before. */
  async deletePods(pods: readonly string[] = this.pods): Promise<number> {
    const since = Date.now();
    const path = `/api/v1/namespaces/${this.namespace}/pods`;
    await Promise.all(pods.map((pod) => this.#stage.cluster.api.request('DELETE', `${path}/${pod}`)));
    return since;
  }

  /**
   * Deletes all pods and lets none start anew until `meanwhile` is done: by then every old server is gone. Only
   * pods that tolerate a cordoned node start in between.
   */
  async deletePodsAndHold(meanwhile: (addresses: string[]) => unknown): Promise<number> {
    const { cluster } = this.#stage;
    const addresses = this.addresses();
    await cluster.kubectl(['cordon', NODE_NAME]);
    await this.deletePods();
    await until('no pod has an address any more', READY_TIMEOUT_MS, async () => {
      const { items } = await cluster.api.request('GET', `/api/v1/namespaces/${this.namespace}/pods`);
      return items.every(({ spec }: { spec: { nodeName?: string } }) => !spec.nodeName);
    });
    await meanwhile(addresses);
    const since = Date.now();
    await cluster.kubectl(['uncordon', NODE_NAME]);
    return since;
  }

  /** The answer of every pod to one command. */
  ask(...command: string[]): Promise<unknown[]> {
    return this.do('ask', { command });
  }

  /** What the updater of each pod asked the API since then (`list pods`), by the API server's audit log. */
  requests(since: number): Record<string, string[]> {
    const requests = this.#stage.auditRequests(this.namespace, since);
    const told = (pod: string) =>
      (requests.get(pod) ?? []).map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`);
    return Object.fromEntries(this.pods.map((pod) => [pod, told(pod)]));
  }

  /** The pods whose address had already been seen in the API when their updater asked for the first time. */
  announcedBeforeAsking(since: number): string[] {
    const requests = this.#stage.auditRequests(this.namespace, since);
    const shown = shownSince(this.#stage.podEvents(this.namespace));
    return this.pods.filter((pod) => {
      const askedAt = Date.parse(requests.get(pod)?.[0]?.requestReceivedTimestamp ?? '');
      return (shown.get(pod) ?? Number.POSITIVE_INFINITY) < askedAt;
    });
  }

  /** The directory of a pod's volume on this host. */
  volume(pod: string, claim = 'data'): string {
    const dash = pod.lastIndexOf('-');
    const set = { namespace: this.namespace, name: pod.slice(0, dash) };
    return volumeDirectory(this.#stage.cluster.directory, set, Number(pod.slice(dash + 1)), claim);
  }

  /** Runs a task of the agent on all pods. */
  async do<Name extends TaskName>(
    task: Name,
    needs: Tasks[Name]['needs'],
    endpoints = this.endpoints(),
  ): Promise<Tasks[Name]['answers']> {
    const input = JSON.stringify({ task, endpoints, ...needs });
    return JSON.parse(await this.#stage.cluster.runAgent(input));
  }
}
