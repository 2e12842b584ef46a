/** The bundled webhook, with the memory of the chart, at the start in a large cluster: no namespace is missed, and none is written to twice. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { issueDevelopmentCertificates } from '../../certs/dev-certs.ts';
import { buildPrograms } from '../../src/build.ts';
import { until } from '../cluster/kubernetes/until.ts';
import { Client } from '../support/kubernetes-api/client.ts';
import { pathOf, resources } from '../support/kubernetes-api/resources.ts';
import { type KubernetesApi, startKubernetesApi } from '../support/kubernetes-api/server.ts';
import { ApiError } from '../support/kubernetes-api/status.ts';
import { HOSTS } from '../webhook/support.ts';
import { HEAP_MIB, MEMORY_MIB, peakMib, startWebhookProcess } from './webhook-program.ts';

const NAMESPACES = 5_000;
/** Account, role, binding, map. */
const OBJECTS = 4;
const PATIENCE_MS = 600_000;

async function createNamespaces(api: KubernetesApi, count: number): Promise<void> {
  const client = new Client({ url: api.url, ca: api.ca, token: api.adminToken });
  const labels = { 'redis-ip-updater.io/injection': 'enabled' };
  for (let at = 0; at < count; at += 50) {
    const names = Array.from({ length: Math.min(50, count - at) }, (_, index) => `ns-${at + index}`);
    await Promise.all(
      names.map((name) => client.create(pathOf(resources.namespaces), { metadata: { name, labels } })),
    );
  }
  client.close();
}

async function startWebhook(t: Test, api: KubernetesApi) {
  await buildPrograms();
  const directory = t.testdir();
  await issueDevelopmentCertificates({ directory, hosts: HOSTS });
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig());
  const { child, log, logged } = startWebhookProcess(
    t,
    {
      KUBECONFIG: kubeconfig,
      CERT_DIR: directory,
      UPDATER_IMAGE: 'updater',
      PORT: '0',
      MANAGEMENT_PORT: '0',
      DRAIN_SECONDS: '0',
    },
    [`--max-heap-size=${HEAP_MIB}`, 'dist/webhook.js'],
  );
  child.stderr?.pipe(process.stderr);
  const { managementPort } = await logged('listening');
  const provisioned = async () => {
    const text = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text();
    return Number(/^redis_ip_updater_provisioned_namespaces (\d+)$/m.exec(text)?.[1]);
  };
  return { child, log, provisioned };
}

t.test(`${NAMESPACES} namespaces at start, first with an API that takes no write`, async (t) => {
  const api = await startKubernetesApi();
  t.teardown(() => api.close());
  await createNamespaces(api, NAMESPACES);
  const isWrite = ({ verb }: { verb: string }) => verb === 'patch';
  api.intercept((info) => (isWrite(info) ? new ApiError(503, 'ServiceUnavailable', 'not now') : undefined));
  const { child, provisioned, log } = await startWebhook(t, api);
  const writes = () => api.audit.filter(isWrite).length;

  await until('the first write', PATIENCE_MS, () => writes() > 0);
  const startedAt = performance.now();
  await until('20 passes have failed', PATIENCE_MS, () => log.filter(({ level }) => level > 30).length >= 20);
  const failed = writes();
  const seconds = (performance.now() - startedAt) / 1000;
  t.ok(failed <= 60 * OBJECTS, `${failed} writes in vain in ${seconds.toFixed(1)} s`);

  api.intercept(() => undefined);
  await until('all are provisioned', PATIENCE_MS, async () => (await provisioned()) === NAMESPACES, 500);
  const sent = api.audit.slice();
  const written = sent.filter((entry) => isWrite(entry) && entry.code < 300);
  t.equal(written.length, NAMESPACES * OBJECTS, 'each object is written once');
  t.equal(new Set(written.map(({ namespace }) => namespace)).size, NAMESPACES, 'no namespace is missed');
  const lists = sent.filter(({ verb }) => verb === 'list').length;
  const peak = peakMib(child);
  t.ok(peak === undefined || peak < MEMORY_MIB, `${peak} MiB of ${MEMORY_MIB}`);
  t.comment(`${NAMESPACES} namespaces: ${lists} lists, ${written.length} writes, ${peak} MiB`);
});
