/**
 * Self-managed certificates on a real API server: install.yaml's rights and webhook configuration, two replicas as
 * processes of the bundled program, and an API server that calls them through the Service's name.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { buildPrograms } from '../../../src/build.ts';
import { readBundle } from '../../../src/certificates/certificate.ts';
import { CA_SECRET, PROJECT, WEBHOOK, WEBHOOK_CONFIGURATION, WEBHOOK_SERVICE } from '../../../src/names.ts';
import { startControlPlane } from '../../cluster/kubernetes/control-plane.ts';
import { freePorts } from '../../cluster/kubernetes/ports.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { kubeconfig } from '../../cluster/kubernetes/users.ts';
import { template } from '../../deploy/helm.ts';
import { objectsOf } from '../../deploy/objects.ts';

const SECRET = `/api/v1/namespaces/${PROJECT}/secrets/${CA_SECRET}`;
const CONFIGURATION = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${WEBHOOK_CONFIGURATION}`;
const MERGE = 'application/merge-patch+json';
const WAIT_MS = 20_000;
const LIFETIMES = {
  CA_LIFETIME_SECONDS: '600',
  SERVING_LIFETIME_SECONDS: '12',
  CERTIFICATE_CHECK_SECONDS: '0.5',
  CERTIFICATE_SETTLE_SECONDS: '2',
};

// No proxy leads to the addresses of Services here; without this routing, an ExternalName is dialled as it is.
const apiServerFlags = ['--enable-aggregator-routing=false'];
const plane = await startControlPlane({ version: '1.36', apiServerFlags });
t.teardown(() => plane.stop());
const { api } = plane;
const webhookConfig = join(plane.directory, 'webhook.kubeconfig');
const ports = await freePorts(2);
await install();

/** The chart's objects without its Deployment: here the replicas are processes, and the Service leads to this host. */
async function install(): Promise<void> {
  const objects = objectsOf(await template('--set', 'certificates.mode=selfManaged', '--skip-tests'));
  await plane.kubectl(['create', 'namespace', PROJECT]);
  const left = new Set(['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy', 'Namespace']);
  for (const object of objects.filter(({ kind }) => !left.has(kind ?? '')))
    await plane.kubectl(['apply', '--filename=-'], JSON.stringify(object));
  await api.request('POST', `/api/v1/namespaces/${PROJECT}/services`, {
    metadata: { name: WEBHOOK_SERVICE },
    spec: { type: 'ExternalName', externalName: '127.0.0.1' },
  });
  const account = `/api/v1/namespaces/${PROJECT}/serviceaccounts/${WEBHOOK_SERVICE}`;
  const { status } = await api.request('POST', `${account}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {},
  });
  writeFileSync(webhookConfig, kubeconfig({ url: plane.url, caPem: plane.caPem, token: status.token }));
  await api.request('POST', '/api/v1/namespaces', {
    metadata: { name: 'shop', labels: { 'redis-ip-updater.io/injection': 'enabled' } },
  });
  await until('shop has its service account', WAIT_MS, () =>
    api.request('GET', '/api/v1/namespaces/shop/serviceaccounts/default').catch(() => false),
  );
}

type Line = { level: number; msg: string; managementPort?: number };
type Replica = { child: ChildProcess; lines: Line[]; managementPort: number; port: number };

/** The bundled program as the webhook's account. */
async function start(port: number): Promise<Replica> {
  const child = spawn(process.execPath, ['dist/webhook.js'], {
    env: {
      ...LIFETIMES,
      KUBECONFIG: webhookConfig,
      NAMESPACE: PROJECT,
      UPDATER_IMAGE: 'redis-ip-updater:1',
      PORT: String(port),
      MANAGEMENT_PORT: '0',
      DRAIN_SECONDS: '0.2',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines: Line[] = [];
  const listening = Promise.withResolvers<Line>();
  createInterface(child.stdout).on('line', (text) => {
    const line: Line = JSON.parse(text);
    lines.push(line);
    if (line.msg === 'listening') listening.resolve(line);
  });
  const { managementPort = 0 } = await listening.promise;
  return { child, lines, managementPort, port };
}

const get = async ({ managementPort }: Replica, path: string) =>
  (await fetch(`http://127.0.0.1:${managementPort}${path}`)).text();
const isReady = async (replica: Replica) => (await get(replica, '/readyz')) === 'ok\n';

/** From now on the API server calls the replica on that port. */
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

async function caBundle(): Promise<string> {
  const { webhooks } = await api.request('GET', CONFIGURATION);
  // biome-ignore lint/suspicious/noExplicitAny: as the API server sends it
  const { clientConfig } = webhooks.find(({ name }: any) => name === WEBHOOK);
  return Buffer.from(clientConfig.caBundle ?? '', 'base64').toString();
}

/** A pod of a StatefulSet that does not exist: the webhook is asked, and lets it pass. */
const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'redis', uid: 'u', controller: true };
const createPod = () =>
  api.request('POST', '/api/v1/namespaces/shop/pods?dryRun=All', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'redis-', ownerReferences: [owner] },
    spec: { containers: [{ name: 'redis', image: 'redis' }] },
  });

/** Pods, one after another, while something happens: how many, and what was said where one was refused. */
async function whileCreating(act: () => Promise<unknown>): Promise<{ created: number; refused: string[] }> {
  let over = false;
  const result = { created: 0, refused: [] as string[] };
  const creating = (async () => {
    while (!over) {
      await createPod().then(
        () => (result.created += 1),
        (error: Error) => result.refused.push(error.message),
      );
      await delay(20);
    }
  })();
  await act().finally(() => {
    over = true;
  });
  await creating;
  return result;
}

await buildPrograms();
let replicas: Replica[] = [];

t.test('before anybody serves, the API server cannot call', async (t) => {
  await leadTo(ports[0] ?? 0);
  await t.rejects(createPod(), /failed calling webhook/);
});

t.test('two replicas start at once', async (t) => {
  replicas = await Promise.all(ports.map(start));
  await until('both are ready', WAIT_MS, async () =>
    (await Promise.all(replicas.map(isReady))).every(Boolean),
  );
  const { data, type } = await api.request('GET', SECRET);
  t.equal(type, 'Opaque');
  t.equal(await caBundle(), Buffer.from(data['ca.crt'], 'base64').toString());
  for (const replica of replicas) {
    await leadTo(replica.port);
    await until('the API server calls it', WAIT_MS, async () => {
      await createPod().catch(() => {});
      return /^redis_ip_updater_admission_requests_total\{.*\} [1-9]/m.test(await get(replica, '/metrics'));
    });
  }
  for (const replica of replicas) {
    const metrics = await get(replica, '/metrics');
    t.match(metrics, /^redis_ip_updater_ca_bundle_matches 1$/m);
    const [, expiry] = /^redis_ip_updater_certificate_expiry_timestamp_seconds (\S+)$/m.exec(metrics) ?? [];
    t.ok(Math.abs(Number(expiry) - Date.now() / 1000) < 13);
  }
});

t.test('the configuration is at rest: the replicas read, and write nothing', async (t) => {
  const versions = async () =>
    Promise.all(
      [SECRET, CONFIGURATION].map(async (path) => (await api.request('GET', path)).metadata.resourceVersion),
    );
  const before = await versions();
  await delay(3_000);
  t.same(await versions(), before);
});

t.test(
  'serving certificates are renewed, the CA is asked for, deleted, spoiled: no call fails',
  async (t) => {
    const authorities = new Set<string>();
    const { created, refused } = await whileCreating(async () => {
      const note = async () => {
        for (const { fingerprint } of readBundle(await caBundle())) authorities.add(fingerprint);
      };
      await note();
      const annotations = { 'redis-ip-updater.io/rotate': '' };
      const acts: [string, () => Promise<unknown>][] = [
        ['asked for', () => api.request('PATCH', SECRET, { metadata: { annotations } }, MERGE)],
        ['deleted', () => api.request('DELETE', SECRET)],
        ['spoiled', () => api.request('PATCH', SECRET, { data: { 'ca.crt': 'cnViYmlzaA==' } }, MERGE)],
      ];
      const served = ({ lines }: Replica) => lines.filter(({ msg }) => msg === 'new certificate is served');
      await until('both renewed', WAIT_MS, () => replicas.every((replica) => served(replica).length === 2));
      for (const [index, [what, act]] of acts.entries()) {
        await leadTo(ports[index % 2] ?? 0);
        const before = authorities.size;
        await act();
        await until(`a new CA after it was ${what}`, WAIT_MS, async () => {
          await note();
          return authorities.size === before + 1;
        });
        // Past its first use.
        await delay(5_000);
      }
    });
    t.same([...new Set(refused)], [], `${created} pods, none refused`);
    t.ok(created > 100);
    t.equal(authorities.size, 4);
    for (const { lines } of replicas) {
      const served = lines.filter(({ msg }) => msg === 'new certificate is served').length;
      t.ok(served >= 5, `served ${served} certificates`);
      t.same(
        lines.filter(({ level, msg }) => level >= 40 && !/^made a new CA|^the CA /.test(msg)),
        [],
      );
    }
    const { items } = await api.request('GET', `/api/v1/namespaces/${PROJECT}/events`);
    const reasons = items
      .filter(({ involvedObject }: { involvedObject: { name: string } }) => involvedObject.name === CA_SECRET)
      .map(({ reason }: { reason: string }) => reason)
      .sort();
    t.same(
      reasons,
      ['Created', 'Repaired', 'Restored', 'Rotated'].map((what) => `CertificateAuthority${what}`),
    );
  },
);

t.test('an emptied caBundle is put right', async (t) => {
  const before = readBundle(await caBundle());
  await api.request(
    'PATCH',
    CONFIGURATION,
    [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }],
    'application/json-patch+json',
  );
  await until('it is back', WAIT_MS, async () => readBundle(await caBundle()).length === before.length);
  t.same(readBundle(await caBundle()), before);
});

t.test('a restarted API server, and a replica that starts meanwhile', async (t) => {
  const [first] = replicas.splice(0, 1);
  first?.child.kill('SIGTERM');
  if (first) t.same(await once(first.child, 'close'), [0, null]);
  await plane.stopApiServer();
  const late = await start(first?.port ?? 0);
  t.match(await get(late, '/readyz'), /could not read the Secret|has not been made yet/);
  await plane.startApiServer();
  await until('it is ready', 60_000, () => isReady(late));
  await leadTo(late.port);
  await until('it is called', WAIT_MS, () =>
    createPod().then(
      () => true,
      () => false,
    ),
  );
  t.match(await get(late, '/metrics'), /^redis_ip_updater_ca_bundle_matches 1$/m);
});
