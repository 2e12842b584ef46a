/** Makes a cluster of running servers, and uses it as an application would. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { createCluster } from '@redis/client';
import { endWithUs } from '../leave-nothing.ts';

export type Endpoint = { host: string; port: number };

/** Joins the servers with `redis-cli --cluster create`: the first half become masters, the rest their replicas. */
export async function joinCluster(cli: string, endpoints: readonly Endpoint[]): Promise<void> {
  const addresses = endpoints.map(({ host, port }) => `${host}:${port}`);
  const options = ['--cluster-replicas', '1', '--cluster-yes'];
  const child = endWithUs(
    spawn(cli, ['--cluster', 'create', ...addresses, ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, output, errors] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`${cli} --cluster create failed with ${code}: ${output}${errors}`);
}

const keyOf = (index: number) => `order:${index}`;
const contentOf = (index: number) => `what was ordered in ${index}`;

/** Writes `count` keys through the cluster. */
export function writeKeys(endpoints: readonly Endpoint[], count: number): Promise<void> {
  return withCluster(endpoints, async (cluster) => {
    await Promise.all(
      Array.from({ length: count }, (_, index) => cluster.set(keyOf(index), contentOf(index))),
    );
  });
}

/** Reads every key back through the cluster; the answer is how many have their value. */
export function countIntactKeys(endpoints: readonly Endpoint[], count: number): Promise<number> {
  return withCluster(endpoints, async (cluster) => {
    const values = await Promise.all(Array.from({ length: count }, (_, index) => cluster.get(keyOf(index))));
    return values.filter((value, index) => value === contentOf(index)).length;
  });
}

async function withCluster<T>(
  endpoints: readonly Endpoint[],
  use: (cluster: ReturnType<typeof newCluster>) => Promise<T>,
): Promise<T> {
  const cluster = newCluster(endpoints);
  cluster.on('error', () => undefined);
  await cluster.connect();
  try {
    return await use(cluster);
  } finally {
    await cluster.close();
  }
}

const newCluster = (endpoints: readonly Endpoint[]) =>
  createCluster({
    rootNodes: endpoints.map((socket) => ({ socket: { ...socket } })),
    defaults: { maintNotifications: 'disabled', disableClientInfo: true },
  });
