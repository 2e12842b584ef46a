/**
 * The kubelet's stand-in: runs the pods of an API as processes of this machine. Every pod start gets an own
 * address out of 127.0.0.0/8; volumes are directories, mounts are translated paths (see mounts.ts), images are
 * commands. What a test wants to happen to pods (certain addresses, late starts, old ConfigMaps, a power cut) is
 * asked of it here.
 */
import { join } from 'node:path';
import { Client, type Connection } from '../kubernetes-api/client.ts';
import { follow } from '../kubernetes-api/follow.ts';
import type { ConfigMap, Pod } from '../kubernetes-api/objects.ts';
import { pathOf, resources } from '../kubernetes-api/resources.ts';
import { ApiError } from '../kubernetes-api/status.ts';
import { Addresses } from './addresses.ts';
import type { Entrypoints } from './container-process.ts';
import { type Node, type PodEvent, PodWorker } from './pod-worker.ts';

export type KubeletOptions = {
  connection: Connection;
  /** Image name to the command that stands for it; a container's own `command` wins. */
  entrypoints: Entrypoints;
  /** An existing directory, for volumes and logs. */
  directory: string;
  report?: (event: PodEvent) => void;
  /** Hears of what the kubelet cannot go on after. */
  onError: (error: unknown) => void;
};

export type Kubelet = {
  /** The next start of a pod, `namespace/name`, gets this address, as soon as it is free. */
  pin(pod: string, ip: string): void;
  /** An address that no pod gets unless it is pinned. */
  reserve(): string;
  /** Starts of this pod, `namespace/name`, wait from now on until it is released. */
  hold(pod: string): void;
  release(pod: string): void;
  /** From now on pods get this state of a ConfigMap, whatever the API says: a kubelet's cache can be old. */
  freeze(namespace: string, configMap: ConfigMap): void;
  /** Where the files of a PersistentVolumeClaim are. */
  claimDirectory(namespace: string, claim: string): string;
  /** A power cut: every pod of the namespace is gone at once, untold, and starts again with another address. */
  reboot(namespace: string): Promise<void>;
  /** Ends all pods' processes; the API is left as it is. */
  close(): Promise<void>;
};

const NODE_NAME = 'this-machine';

/** Starts the kubelet, which is the scheduler, too: it takes every pod that has no node yet. */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { connection, directory, entrypoints, report = () => undefined, onError } = options;
  const client = new Client(connection);
  const workers = new Map<string, PodWorker>();
  const holds = new Map<string, PromiseWithResolvers<void>>();
  const frozen = new Map<string, ConfigMap>();
  // Two runs on one machine must not meet; they differ in their ports anyway.
  const addresses = new Addresses(10 + (process.pid % 240));
  const claimDirectory = (namespace: string, claim: string) => join(directory, 'claims', namespace, claim);
  const { hostname: host, port } = new URL(connection.url);
  const node: Node = {
    client,
    entrypoints,
    addresses,
    report,
    environment: {
      PATH: process.env.PATH ?? '',
      KUBERNETES_SERVICE_HOST: host,
      KUBERNETES_SERVICE_PORT: port,
    },
    volumes: {
      client,
      claimDirectory,
      cachedConfigMap: (namespace, name) => frozen.get(`${namespace}/${name}`),
    },
    released: (pod, signal) => unlessAborted(holds.get(pod)?.promise, signal),
  };
  const start = (pod: Pod) => {
    const { namespace, name, uid } = pod.metadata;
    const worker = new PodWorker(pod, node, join(directory, 'pods', `${namespace}_${name}_${uid}`), onError);
    workers.set(worker.key, worker);
  };
  const end = async (worker: PodWorker, graceMs: number, pod?: Pod) => {
    await worker.terminate(graceMs);
    workers.delete(worker.key);
    if (pod) await removePod(client, pod);
    sync();
  };
  const sync = () => {
    for (const [key, pod] of pods?.objects ?? []) {
      const worker = workers.get(key);
      const { deletionTimestamp, deletionGracePeriodSeconds = 30, uid } = pod.metadata;
      if (!pod.spec.nodeName) bind(client, pod).catch(onError);
      else if (worker?.uid === uid && deletionTimestamp && !worker?.isEnding)
        end(worker as PodWorker, deletionGracePeriodSeconds * 1000, pod).catch(onError);
      else if (!worker && deletionTimestamp) removePod(client, pod).catch(onError);
      else if (!worker && !rebooting) start(pod);
    }
    for (const worker of workers.values())
      if (pods?.objects.get(worker.key)?.metadata.uid !== worker.uid && !worker.isEnding)
        end(worker, 0).catch(onError);
  };
  let rebooting = false;
  let pods: Awaited<ReturnType<typeof follow<Pod>>> | undefined;
  pods = await follow<Pod>(client, pathOf(resources.pods), () => sync(), onError);
  sync();
  return {
    pin: (pod, ip) => addresses.pin(pod, ip),
    reserve: () => addresses.reserve(),
    hold: (pod) => {
      if (!holds.has(pod)) holds.set(pod, Promise.withResolvers());
    },
    release: (pod) => {
      holds.get(pod)?.resolve();
      holds.delete(pod);
    },
    freeze: (namespace, configMap) => frozen.set(`${namespace}/${configMap.metadata.name}`, configMap),
    claimDirectory,
    reboot: async (namespace) => {
      rebooting = true;
      const hit = [...workers.values()].filter(({ key }) => key.startsWith(`${namespace}/`));
      await Promise.all(hit.map((worker) => worker.crash()));
      for (const { key } of hit) workers.delete(key);
      rebooting = false;
      sync();
    },
    close: async () => {
      await pods.stop();
      await Promise.all([...workers.values()].map((worker) => worker.crash()));
      client.close();
    },
  };
}

/** What the scheduler does. A pod may be bound by then, or gone: the watch tells. */
async function bind(client: Client, { metadata: { name, namespace } }: Pod): Promise<void> {
  const body = { metadata: { name }, target: { apiVersion: 'v1', kind: 'Node', name: NODE_NAME } };
  const { code, body: answer } = await client.ask(
    'POST',
    pathOf(resources.pods, namespace, name, 'binding'),
    { body },
  );
  if (code >= 300 && ![404, 409].includes(code)) throw new Error(answer.message);
}

/** The last word about a pod: nothing of it runs any more. */
async function removePod(client: Client, { metadata: { name, namespace, uid } }: Pod): Promise<void> {
  const options = { gracePeriodSeconds: 0, preconditions: { uid } };
  await client.delete(pathOf(resources.pods, namespace, name), options).catch((error: unknown) => {
    if (!(error instanceof ApiError) || ![404, 409].includes(error.body.code)) throw error;
  });
}

async function unlessAborted(promise: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  if (!promise) return;
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
  await Promise.race([promise, aborted]);
}
