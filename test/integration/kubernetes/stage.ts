/**
 * Replicas of the webhook as processes of the bundled program, and a real API server that calls them by the Service's
 * name while pods are created.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';
import { buildPrograms } from '../../../src/build.ts';
import { PROJECT, WEBHOOK, WEBHOOK_CONFIGURATION, WEBHOOK_SERVICE } from '../../../src/names.ts';
import { startControlPlane } from '../../cluster/kubernetes/control-plane.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { kubeconfig, requestToken } from '../../cluster/kubernetes/users.ts';
import type { Manifest } from '../../deploy/objects.ts';
import { type LogLine, startWebhookProcess } from '../webhook-program.ts';

export const CONFIGURATION = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${WEBHOOK_CONFIGURATION}`;
export const WAIT_MS = 60_000;

export type Replica = { child: ChildProcess; lines: LogLine[]; managementPort: number; port: number };
export type Stage = Awaited<ReturnType<typeof startStage>>;

/** Left out: here the replicas are processes, and the Service leads to this host. */
const LEFT_OUT = new Set(['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy', 'Namespace']);

/** A pod of a StatefulSet that does not exist: the webhook is asked, and lets it pass. */
const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'redis', uid: 'u', controller: true };

export async function startStage(t: Test) {
  await buildPrograms();
  // No proxy leads to the addresses of Services here; without this routing, an ExternalName is dialled as it is.
  const apiServerFlags = ['--enable-aggregator-routing=false'];
  const plane = await startControlPlane({ apiServerFlags });
  t.teardown(() => plane.stop());
  const { api } = plane;
  const webhookConfig = join(plane.directory, 'webhook.kubeconfig');

  /** The objects of the installation, the Service as it has to be here, and a namespace that has opted in. */
  async function install(objects: readonly Manifest[]): Promise<void> {
    await plane.kubectl(['create', 'namespace', PROJECT]);
    await apply(objects);
    await api.request('POST', `/api/v1/namespaces/${PROJECT}/services`, {
      metadata: { name: WEBHOOK_SERVICE },
      spec: { type: 'ExternalName', externalName: '127.0.0.1' },
    });
    const token = await requestToken(api, PROJECT, WEBHOOK_SERVICE);
    writeFileSync(webhookConfig, kubeconfig({ url: plane.url, caPem: plane.caPem, token }));
    await api.request('POST', '/api/v1/namespaces', {
      metadata: { name: 'shop', labels: { 'redis-ip-updater.io/injection': 'enabled' } },
    });
    await until('shop has its service account', WAIT_MS, () =>
      api.request('GET', '/api/v1/namespaces/shop/serviceaccounts/default').catch(() => false),
    );
  }

  async function apply(objects: readonly Manifest[]): Promise<void> {
    for (const object of objects.filter(({ kind }) => !LEFT_OUT.has(kind ?? '')))
      await plane.kubectl(['apply', '--filename=-'], JSON.stringify(object));
  }

  /** The bundled program as the webhook's account, on any port unless `PORT` says which. */
  async function start(env: Record<string, string>): Promise<Replica> {
    // `env` may be that of the Deployment, whose port is not free for several on one host.
    const own = { KUBECONFIG: webhookConfig, DRAIN_SECONDS: '0.2', ...env, MANAGEMENT_PORT: '0' };
    const { child, log: lines, logged } = startWebhookProcess(t, own, ['dist/webhook.js']);
    const { managementPort = 0, port = 0 } = await logged('listening');
    return { child, lines, managementPort, port };
  }

  /** From now on the API server calls whoever listens on that port. */
  async function leadTo(port: number): Promise<void> {
    const { webhooks } = await api.request('GET', CONFIGURATION);
    await api.request(
      'PATCH',
      CONFIGURATION,
      [
        { op: 'test', path: '/webhooks/0/name', value: webhooks[0].name },
        { op: 'replace', path: '/webhooks/0/clientConfig/service/port', value: port },
      ],
      'application/json-patch+json',
    );
  }

  /** As `leadTo`, by another way: the API server makes new connections, and so new handshakes. */
  async function leadAnewTo(port: number): Promise<void> {
    const way = createServer((socket) => {
      const replica = connect(port, '127.0.0.1');
      for (const end of [socket, replica]) end.on('error', () => {});
      socket.pipe(replica).pipe(socket);
      replica.on('close', () => socket.destroy());
      socket.on('close', () => replica.destroy());
    });
    await once(way.listen(0, '127.0.0.1'), 'listening');
    way.unref();
    t.teardown(() => void way.close());
    await leadTo((way.address() as AddressInfo).port);
  }

  async function caBundle(): Promise<string> {
    const { webhooks } = await api.request('GET', CONFIGURATION);
    // biome-ignore lint/suspicious/noExplicitAny: as the API server sends it
    const { clientConfig } = webhooks.find(({ name }: any) => name === WEBHOOK);
    return Buffer.from(clientConfig.caBundle ?? '', 'base64').toString();
  }

  const createPod = () =>
    api.request('POST', '/api/v1/namespaces/shop/pods?dryRun=All', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { generateName: 'redis-', ownerReferences: [owner] },
      spec: { containers: [{ name: 'redis', image: 'redis' }] },
    });

  /** Pods, one after another, while something happens: how many, and what was said where one was refused. */
  async function whileCreating(act: (result: Created) => Promise<unknown>): Promise<Created> {
    let over = false;
    const result: Created = { created: 0, refused: [] };
    const creating = (async () => {
      while (!over) {
        await createPod().then(
          () => (result.created += 1),
          (error: Error) => result.refused.push(error.message),
        );
        await delay(20);
      }
    })();
    await act(result).finally(() => {
      over = true;
    });
    await creating;
    return result;
  }

  return { plane, api, install, apply, start, leadTo, leadAnewTo, caBundle, createPod, whileCreating };
}

export type Created = { created: number; refused: string[] };

export const get = async ({ managementPort }: Replica, path: string) =>
  (await fetch(`http://127.0.0.1:${managementPort}${path}`)).text();
export const isReady = async (replica: Replica) => (await get(replica, '/readyz')) === 'ok\n';

/** How many certificates it has served so far. */
export const certificatesOf = ({ lines }: Replica) =>
  lines.filter(({ msg }) => msg === 'new certificate is served').length;
