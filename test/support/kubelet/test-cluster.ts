/** An API and a kubelet for one test file, and the few things its tests ask of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { Client } from '../kubernetes-api/client.ts';
import type { Pod } from '../kubernetes-api/objects.ts';
import { type KubernetesApi, startKubernetesApi } from '../kubernetes-api/server.ts';
import { removeDirectory, temporaryDirectory } from '../leave-nothing.ts';
import { type Kubelet, startKubelet } from './kubelet.ts';

export type TestCluster = {
  api: KubernetesApi;
  client: Client;
  kubelet: Kubelet;
  directory: string;
  /** Creates a pod in the namespace `test`. */
  create(name: string, spec: object): Promise<Pod>;
  /** Waits until the pod, as the API shows it, is as wanted. */
  until(name: string, wanted: (pod: Pod) => unknown): Promise<Pod>;
  /** Deletes a pod and waits until it is gone. */
  remove(name: string): Promise<void>;
};

const POLL_MS = 10;

/** The images `node` and `sh` run their args as a program. */
export async function startTestCluster(t: Test): Promise<TestCluster> {
  const directory = temporaryDirectory('kubelet-test-');
  const api = await startKubernetesApi();
  const connection = { url: api.url, ca: api.ca, token: api.adminToken };
  const client = new Client(connection);
  const kubelet = await startKubelet({
    connection,
    directory,
    entrypoints: { node: [process.execPath, '-e'], sh: ['/bin/sh', '-c'] },
    onError: (error) => t.fail('the kubelet cannot go on', { error }),
  });
  const path = (name: string) => `/api/v1/namespaces/test/pods/${name}`;
  await client.create('/api/v1/namespaces', { metadata: { name: 'test' } });
  t.teardown(async () => {
    await kubelet.close();
    client.close();
    await api.close();
    removeDirectory(directory);
  });
  return {
    api,
    client,
    kubelet,
    directory,
    create: (name, spec) => client.create<Pod>('/api/v1/namespaces/test/pods', { metadata: { name }, spec }),
    until: async (name, wanted) => {
      for (;;) {
        const { code, body } = await client.ask<Pod>('GET', path(name));
        if (code === 200 && wanted(body)) return body;
        await sleep(POLL_MS);
      }
    },
    remove: async (name) => {
      await client.delete(path(name));
      while ((await client.ask('GET', path(name))).code !== 404) await sleep(POLL_MS);
    },
  };
}
