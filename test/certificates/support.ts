/** Replicas of the webhook, reduced to their certificates, before a Kubernetes API; and the API server's handshake. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import type { Lifetimes } from '../../src/certificates/lifetimes.ts';
import { type SelfManagedOptions, startSelfManagedSource } from '../../src/certificates/self-managed.ts';
import type { CertificateSource } from '../../src/certificates/source.ts';
import { createCertificateApi } from '../../src/kubernetes/certificate-api.ts';
import { PooledKubeConfig } from '../../src/kubernetes/client.ts';
import { CA_SECRET, WEBHOOK, WEBHOOK_CONFIGURATION } from '../../src/names.ts';
import { until as untilWithin } from '../cluster/kubernetes/until.ts';
import { Client } from '../support/kubernetes-api/client.ts';
import { type KubernetesApi, startKubernetesApi } from '../support/kubernetes-api/server.ts';
import { ApiError } from '../support/kubernetes-api/status.ts';

export const NAMESPACE = 'redis-ip-updater';
export const HOST = `redis-ip-updater-webhook.${NAMESPACE}.svc`;
const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/${CA_SECRET}`;
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

/** As in production, but for what a test has to wait for. */
export const LONG: Lifetimes = { caMs: 3_650 * 86_400_000, servingMs: 7 * 86_400_000, settleMs: 200 };

type Secret = { metadata: { annotations?: Record<string, string> }; data?: Record<string, string> };
type Configuration = {
  metadata: { resourceVersion: string };
  webhooks: { name: string; clientConfig: { caBundle?: string } }[];
};

export type World = Awaited<ReturnType<typeof startWorld>>;

/** An API with our namespace and, unless told otherwise, the webhook configuration without a caBundle. */
export async function startWorld(t: Test, { configured = true } = {}) {
  const api: KubernetesApi = await startKubernetesApi();
  const client = new Client({ url: api.url, ca: api.ca, token: api.adminToken });
  t.teardown(async () => {
    client.close();
    await api.close();
  });
  const kubeconfig = join(t.testdir({}), 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig());
  process.env.KUBECONFIG = kubeconfig;
  await client.create('/api/v1/namespaces', { metadata: { name: NAMESPACE } });

  /** Ours is not the first of the list: an index would hit the other. */
  const configure = () =>
    client.create(CONFIGURATIONS, {
      metadata: { name: WEBHOOK_CONFIGURATION },
      webhooks: ['other.example.org', WEBHOOK].map((name) => ({
        name,
        clientConfig: { url: 'https://127.0.0.1:1/mutate' },
        rules: [],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      })),
    });
  if (configured) await configure();

  const configuration = () => client.get<Configuration>(`${CONFIGURATIONS}/${WEBHOOK_CONFIGURATION}`);
  const bundleOf = async (name: string) => {
    const { webhooks } = await configuration();
    const base64 = webhooks.find((webhook) => webhook.name === name)?.clientConfig.caBundle;
    return base64 && Buffer.from(base64, 'base64').toString();
  };
  return {
    api,
    client,
    configure,
    caBundle: async () => (await bundleOf(WEBHOOK)) ?? '',
    otherBundle: () => bundleOf('other.example.org'),
    writeBundle: async (pem: string) => {
      const { webhooks } = await configuration();
      const base64 = Buffer.from(pem).toString('base64');
      for (const webhook of webhooks) if (webhook.name === WEBHOOK) webhook.clientConfig.caBundle = base64;
      await client.merge(`${CONFIGURATIONS}/${WEBHOOK_CONFIGURATION}`, { webhooks });
    },
    deleteConfiguration: () => client.delete(`${CONFIGURATIONS}/${WEBHOOK_CONFIGURATION}`),
    deleteSecret: () => client.delete(SECRET),
    mergeSecret: (body: object) => client.merge<Secret>(SECRET, body),
    secret: async () => {
      const { data = {}, metadata } = await client.get<Secret>(SECRET);
      const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
      return { ca: text('ca.crt'), key: text('ca.key'), retiring: text('retiring.json'), metadata };
    },
    events: async () => {
      type List = { items: { type: string; reason: string; message: string }[] };
      const { items } = await client.get<List>(`/api/v1/namespaces/${NAMESPACE}/events`);
      return items.map(({ type, reason }) => `${type} ${reason}`).sort();
    },
    /** Writes that were let through so far. */
    writes: () =>
      api.audit.filter(({ verb, code }) => ['create', 'update', 'patch'].includes(verb) && code < 300).length,
    /** Until further notice each request that matches is answered with this. */
    refuse: (matches: (verb: string, resource: string) => boolean, code = 503) =>
      api.intercept(({ verb, resource }) =>
        matches(verb, resource.plural) ? new ApiError(code, 'Refused', 'refused by the test') : undefined,
      ),
    refuseNothing: () => api.intercept(() => undefined),
  };
}

export type Replica = {
  source: CertificateSource;
  port: number;
  /** Every pair that was given. */
  pairs: { cert: string; notBeforeMs: number; notAfterMs: number }[];
  failures: string[];
  made: string[];
  stop(): Promise<void>;
};

/** A TLS server with certificates of its own. */
export async function startReplica(t: Test, options: Partial<SelfManagedOptions> = {}): Promise<Replica> {
  const server: Server = createServer({});
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const failures: string[] = [];
  const made: string[] = [];
  const pairs: Replica['pairs'] = [];
  const config = new PooledKubeConfig(5_000);
  const onFailure = (error: unknown) => failures.push((error as Error).message);
  const source = startSelfManagedSource({
    api: createCertificateApi({ config, namespace: NAMESPACE, onWatchError: () => {} }),
    names: [HOST],
    lifetimes: LONG,
    checkMs: 60_000,
    onPair: (pair) => {
      pairs.push(pair);
      server.setSecureContext(pair);
    },
    onNewAuthority: ({ reason }) => made.push(reason),
    onFailure,
    now: Date.now,
    elapsed: () => performance.now(),
    ...options,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= source.stop().then(() => void server.close());
    return stopped;
  };
  t.teardown(stop);
  return { source, port: (server.address() as AddressInfo).port, pairs, failures, made, stop };
}

/** One handshake as an API server makes it, trusting that PEM alone; the error's code where it is refused. */
export async function handshake(port: number, ca: string): Promise<string> {
  // Without any CA, node would trust the public ones.
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, servername: HOST, ca: ca || 'none' });
  try {
    await once(socket, 'secureConnect');
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
  }
}

/** Resolves when it holds; rejects after a minute with what was waited for. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  await untilWithin(what, 60_000, holds, 20);
}

/** All are ready, and nobody writes any more. */
export async function settled(world: World, replicas: readonly Replica[]): Promise<void> {
  await until('all replicas are ready', () => replicas.every(({ source }) => source.unready().length === 0));
  for (let before = -1; before !== world.writes(); ) {
    before = world.writes();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/**
 * Handshakes with every ready replica, one after another, until it is stopped: counted, or noted where refused.
 * The list may change meanwhile. As with a real API server, what is trusted is the caBundle of the moment.
 */
export function keepCalling(world: Pick<World, 'caBundle'>, replicas: readonly Replica[]) {
  const counts = { ok: 0, refused: [] as string[] };
  let stopped = false;
  const calling = (async () => {
    while (!stopped) {
      for (const { port, source } of [...replicas]) {
        if (source.unready().length > 0) continue;
        const result = await handshake(port, await world.caBundle());
        if (result === 'ok') counts.ok += 1;
        else counts.refused.push(result);
      }
      // A caller that takes the whole machine would starve those whom it watches.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return {
    counts,
    stop: async () => {
      stopped = true;
      await calling;
    },
  };
}
