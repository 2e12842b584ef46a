/** What an administrator does by hand in the tests, with kubectl and redis-cli. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { INIT_CONTAINER } from '../../src/names.ts';
import { until } from './kubernetes/until.ts';
import type { RedisPods } from './redis-pods.ts';
import type { Stage } from './stage.ts';

/** Asks one server; returns what redis-cli prints. */
export function redisCli({ cluster }: Stage, host: string, ...command: string[]): Promise<string> {
  return cluster.runInNetwork(['redis-cli', '-h', host, ...command]);
}

export type ClusterNode = { id: string; ip: string; flags: string[]; masterId: string };

/** CLUSTER NODES as one server tells it. */
export async function clusterNodes(stage: Stage, host: string): Promise<ClusterNode[]> {
  const lines = (await redisCli(stage, host, 'CLUSTER', 'NODES')).trim().split('\n');
  return lines.map((line) => {
    const [id = '', address = '', flags = '', masterId = ''] = line.split(' ');
    return { id, ip: address.split(':')[0] ?? '', flags: flags.split(','), masterId };
  });
}

/** Node ids by pod, and the replica of each master, by pod. */
export async function whoIsWho(stage: Stage, redis: RedisPods) {
  const addresses = redis.addresses();
  const nodes = await clusterNodes(stage, addresses[0] ?? '');
  const podOf = (node?: ClusterNode) => redis.pods[addresses.indexOf(node?.ip ?? '')] ?? '';
  const replicas = nodes.filter(({ masterId }) => masterId !== '-');
  return {
    ids: new Map(nodes.map((node) => [podOf(node), node.id])),
    replicaOf: new Map(
      replicas.map((node) => [podOf(nodes.find(({ id }) => id === node.masterId)), podOf(node)]),
    ),
  };
}

/**
 * Deletes pods, and does something with their volumes when all are gone and none is back.
 *
 * @returns the moment before
 */
export async function betweenPods(
  { cluster }: Stage,
  redis: RedisPods,
  pods: readonly string[],
  use: () => Promise<void> | void,
): Promise<number> {
  const node = (await cluster.kubectl(['get', 'nodes', '--output=name'])).trim();
  await cluster.kubectl(['cordon', node]);
  const since = await redis.deletePods(pods);
  await until(`the old pods of ${redis.namespace} are gone`, 60_000, async () => {
    const { items } = await cluster.api.request('GET', `/api/v1/namespaces/${redis.namespace}/pods`);
    const old = items.filter(
      ({ metadata, spec }: { metadata: { name: string }; spec: { nodeName?: string } }) =>
        pods.includes(metadata.name) && spec.nodeName !== undefined,
    );
    return old.length === 0;
  });
  await use();
  await cluster.kubectl(['uncordon', node]);
  return since;
}

/** As a new disk is. */
export function emptyDirectory(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
}

/** How the init container of a pod ended when it did so last, once it has failed. */
export async function failureOf({ cluster }: Stage, namespace: string, pod: string) {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}`;
  return until(`the init container of ${pod} fails`, 60_000, async () => {
    const { status } = await cluster.api.request('GET', path).catch(() => ({ status: {} }));
    const init = status.initContainerStatuses?.find(({ name }: { name: string }) => name === INIT_CONTAINER);
    const { exitCode, message } = init?.state.terminated ?? init?.lastState.terminated ?? {};
    return exitCode ? { exitCode: exitCode as number, message: String(message) } : undefined;
  });
}

/** Until an event of an object says so; returns what it says. */
export async function eventAbout(
  { cluster }: Stage,
  namespace: string,
  name: string,
  pattern: RegExp,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.name%3D${name}`;
  return until(`an event of ${name} matches ${pattern}`, 30_000, async () => {
    const { items } = await cluster.api.request('GET', path);
    return items
      .map(({ message }: { message: string }) => message)
      .find((message: string) => pattern.test(message));
  });
}

/** Runs the `kubectl` command that a sentence prints, as its reader would copy it. */
export async function followCommand({ cluster }: Stage, sentence: string): Promise<void> {
  const [, command] = /kubectl (-n \S+ patch .* -p '[^']*')/.exec(sentence) ?? [];
  if (!command) throw new Error(`no command in: ${sentence}`);
  await cluster.kubectl(
    [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? ''),
  );
}
