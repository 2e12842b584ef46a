/** The bundled webhook, with the memory of the chart, at the start in a large cluster: no namespace is missed, and none is written to again and again. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { issueDevelopmentCertificates } from '../../certs/dev-certs.ts';
import { buildPrograms } from '../../src/build.ts';
import { until, untilStill } from '../cluster/kubernetes/until.ts';
import { Client } from '../support/kubernetes-api/client.ts';
import { pathOf, resources } from '../support/kubernetes-api/resources.ts';
import { type KubernetesApi, startKubernetesApi } from '../support/kubernetes-api/server.ts';
import { ApiError } from '../support/kubernetes-api/status.ts';
import { HOSTS } from '../webhook/support.ts';
import { AS_IN_A_POD, MEMORY_MIB, peakMib, readMetric, startWebhookProcess } from './webhook-program.ts';

const NAMESPACES = 5_000;
/** Account, role, binding, map. */
const OBJECTS = 4;
/** Of the objects: a watch may tell of a write only after the next look, and to apply the same again changes nothing. */
const WRITTEN_AGAIN_AT_MOST = 0.1;
const PATIENCE_MS = 250_000;

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
  const env = { KUBECONFIG: kubeconfig, CERT_DIR: directory };
  const { child, log, logged } = startWebhookProcess(t, env, AS_IN_A_POD);
  const { managementPort = 0 } = await logged('listening');
  const provisioned = () => readMetric(managementPort, 'provisioned_namespaces');
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
  await untilStill(writes, 2_000);
  const sent = api.audit.slice();
  const written = sent.filter((entry) => isWrite(entry) && entry.code < 300);
  const objects = new Set(written.map(({ resource, namespace }) => `${resource}/${namespace}`)).size;
  t.equal(objects, NAMESPACES * OBJECTS, 'each object of each namespace is written');
  const again = written.length - objects;
  t.ok(again <= WRITTEN_AGAIN_AT_MOST * objects, `${again} of them were written once more`);
  const lists = sent.filter(({ verb }) => verb === 'list').length;
  const peak = peakMib(child);
  t.ok(peak === undefined || peak < MEMORY_MIB, `${peak} MiB of ${MEMORY_MIB}`);
  t.comment(
    `${NAMESPACES} namespaces: ${lists} lists, ${objects} objects written, ${again} once more, ${peak} MiB`,
  );
});
