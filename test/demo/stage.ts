/** All that the acts play on: the API, the real webhook, and the stand-ins for kubelet and StatefulSet controller. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freeRedisPort } from '../support/free-port.ts';
import { type Kubelet, startKubelet } from '../support/kubelet/kubelet.ts';
import type { PodEvent } from '../support/kubelet/pod-worker.ts';
import { Client } from '../support/kubernetes-api/client.ts';
import { pathOf, resources } from '../support/kubernetes-api/resources.ts';
import { type KubernetesApi, startKubernetesApi } from '../support/kubernetes-api/server.ts';
import { startStatefulSetController } from '../support/statefulset-controller.ts';
import { type RedisSettings, UPDATER_IMAGE } from './manifests.ts';
import { ReadinessBook } from './readiness-book.ts';
import type { Timeline } from './timeline.ts';
import { startWebhook } from './webhook.ts';

export type Stage = {
  api: KubernetesApi;
  client: Client;
  kubelet: Kubelet;
  readiness: ReadinessBook;
  timeline: Timeline;
  redis: RedisSettings;
  nodes: number;
  close(): Promise<void>;
};

export type Props = Pick<Stage, 'nodes'> & { redis: Omit<RedisSettings, 'port'> };

/** Starts everything. `onError` hears of whatever breaks behind the scenes. */
export async function setStage(
  { nodes, redis }: Props,
  directory: string,
  timeline: Timeline,
  onError: (error: unknown) => void,
): Promise<Stage> {
  for (const name of ['webhook', 'kubelet']) mkdirSync(join(directory, name));
  const api = await startKubernetesApi();
  const connection = { url: api.url, ca: api.ca, token: api.adminToken };
  const client = new Client(connection);
  const webhook = await startWebhook(api, join(directory, 'webhook'), onError);
  await client.create(pathOf(resources.mutatingwebhookconfigurations), webhook.configuration);
  const readiness = new ReadinessBook();
  const kubelet = await startKubelet({
    connection,
    directory: join(directory, 'kubelet'),
    entrypoints: { [UPDATER_IMAGE]: [process.execPath, resolve('dist/updater.js')] },
    report: (event) => tell(event, readiness, timeline),
    onError,
  });
  const controller = await startStatefulSetController(connection, onError);
  return {
    api,
    client,
    kubelet,
    readiness,
    timeline,
    redis: { ...redis, port: await freeRedisPort() },
    nodes,
    close: async () => {
      await controller.close();
      await kubelet.close();
      await webhook.stop();
      client.close();
      await api.close();
    },
  };
}

/** 0, SIGKILL, SIGTERM. */
const ENDED_BY_US = [0, 137, 143];

function tell(event: PodEvent, readiness: ReadinessBook, timeline: Timeline): void {
  if (event.kind === 'ready') {
    const before = readiness.note(event.pod, event.ip);
    if (before) timeline.say(`  ${event.pod} was at ${before} and is ready at ${event.ip}`);
  }
  if (event.kind === 'exited' && !ENDED_BY_US.includes(event.exitCode)) {
    timeline.say(`  ${event.pod}: ${event.container} ended with ${event.exitCode}: ${event.log}`);
  }
}
