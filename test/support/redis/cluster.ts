/** Makes a cluster of running servers, and uses it as an application would. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCluster } from '@redis/client';
import { endWithUs } from '../leave-nothing.ts';
import { type RedisNode, scan } from './node.ts';
import type { Tls } from './tls.ts';

export type Endpoint = { host: string; port: number };

export type Access = {
  tls?: Tls;
  /** Where a server is that is known by a name: what DNS does for an application. */
  lookUp?: (name: string) => string | undefined;
};

/** Joins the servers with `redis-cli --cluster create`: the first half become masters, the rest their replicas. */
export async function joinCluster(cli: readonly string[], endpoints: readonly Endpoint[]): Promise<void> {
  const [command = '', ...connection] = cli;
  const addresses = endpoints.map(({ host, port }) => `${host}:${port}`);
  const options = ['--cluster-replicas', '1', '--cluster-yes'];
  const child = endWithUs(
    spawn(command, [...connection, '--cluster', 'create', ...addresses, ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, output, errors] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  if (code !== 0)
    throw new Error(`${cli.join(' ')} --cluster create failed with ${code}: ${output}${errors}`);
}

/** In a broken cluster the client asks on and on. */
const GIVE_UP_MS = 60_000;

const keyOf = (index: number) => `order:${index}`;
const contentOf = (index: number) => `what was ordered in ${index}`;

/** Writes `count` keys through the cluster. */
export function writeKeys(endpoints: readonly Endpoint[], count: number, access: Access = {}): Promise<void> {
  return withCluster(endpoints, access, async (cluster) => {
    await Promise.all(
      Array.from({ length: count }, (_, index) => cluster.set(keyOf(index), contentOf(index))),
    );
  });
}

/** Reads every key back through the cluster; the answer is how many have their value. */
export function countIntactKeys(
  endpoints: readonly Endpoint[],
  count: number,
  access: Access = {},
): Promise<number> {
  return withCluster(endpoints, access, async (cluster) => {
    const values = await Promise.all(Array.from({ length: count }, (_, index) => cluster.get(keyOf(index))));
    return values.filter((value, index) => value === contentOf(index)).length;
  });
}

/**
 * The same where the cluster tells clients no addresses (`unknown-endpoint`): each key is read at the master that
 * holds it, which answers for slots of its own alone.
 */
export async function countIntactKeysAtMasters(nodes: readonly RedisNode[], count: number): Promise<number> {
  const content = new Map(Array.from({ length: count }, (_, index) => [keyOf(index), contentOf(index)]));
  const perNode = nodes.map(async (node) => {
    const [role] = await node.ask<[string]>('ROLE');
    const held = role === 'master' ? (await scan(node, '*')).filter((key) => content.has(key)) : [];
    const values = await Promise.all(held.map((key) => node.ask('GET', key)));
    return held.filter((key, index) => values[index] === content.get(key));
  });
  return new Set((await Promise.all(perNode)).flat()).size;
}

async function withCluster<T>(
  endpoints: readonly Endpoint[],
  access: Access,
  use: (cluster: ReturnType<typeof newCluster>) => Promise<T>,
): Promise<T> {
  const cluster = newCluster(endpoints, access);
  cluster.on('error', () => undefined);
  const done = new AbortController();
  const tooLate = sleep(GIVE_UP_MS, undefined, { signal: done.signal }).then(() => {
    throw new Error(`the cluster did not serve its client within ${GIVE_UP_MS / 1000} s`);
  });
  try {
    return await Promise.race([cluster.connect().then(() => use(cluster)), tooLate]);
  } finally {
    done.abort();
    cluster.destroy();
  }
}

const newCluster = (endpoints: readonly Endpoint[], { tls, lookUp }: Access) =>
  createCluster({
    rootNodes: endpoints.map((socket) => ({ socket: { ...socket } })),
    defaults: { maintNotifications: 'disabled', disableClientInfo: true, socket: { ...tls?.client } },
    nodeAddressMap: (address) => {
      const [name = '', port] = address.split(/:(?=\d+$)/);
      const host = lookUp?.(name);
      return host === undefined ? undefined : { host, port: Number(port) };
    },
  });
