import t from 'tap';
import { handle } from '../../src/admission/handle.ts';
import { createManagementServer } from '../../src/webhook/management.ts';
import { createMetrics } from '../../src/webhook/metrics.ts';
import { unreadiness } from '../../src/webhook/readiness.ts';
import { fixturePorts, readFixture, updater } from '../admission/fixture.ts';

const newMetrics = () =>
  createMetrics({
    version: '1.2.3',
    certificateExpiryMs: () => 2_000_500,
    caBundleMatches: () => false,
    watchLastEventMs: () => 1_000,
    provisionedNamespaces: () => 7,
  });

t.test('readiness names what is missing', (t) => {
  const synced = { admission: true, provisioning: true };
  const ready = { draining: false, certificate: [], synced };
  t.same(unreadiness(ready), []);
  t.same(unreadiness({ ...ready, certificate: ['expired'] }), ['expired']);
  t.same(unreadiness({ ...ready, draining: true }), ['terminating']);
  t.same(unreadiness({ ...ready, synced: { ...synced, admission: false } }), [
    'the StatefulSets have not been listed yet',
  ]);
  t.same(unreadiness({ ...ready, synced: { ...synced, provisioning: false } }), [
    'the namespaces and their objects have not been listed yet',
  ]);
  t.end();
});

t.test('the management port', async (t) => {
  const reasons = ['terminating', 'the certificate has expired'];
  const server = createManagementServer(newMetrics().registry, () => reasons);
  t.teardown(() => server.close());
  t.match(await server.inject('/readyz'), {
    statusCode: 503,
    body: 'terminating; the certificate has expired\n',
  });
  t.match(await server.inject('/livez'), { statusCode: 200, body: 'ok\n' }, 'the process alone');
  reasons.length = 0;
  t.match(await server.inject('/readyz'), { statusCode: 200, body: 'ok\n' });
  t.match(await server.inject('/metrics'), { statusCode: 200, headers: { 'content-type': /^text\/plain/ } });
});

t.test('metrics: one row for each outcome and reason, no label of a pod or a namespace', async (t) => {
  const metrics = newMetrics();
  for (const name of ['official-redis', 'opted-out', 'ambiguous-container']) {
    metrics.observe(await handle(readFixture(name, 'review.json'), fixturePorts(name), updater), 0.003);
  }
  metrics.observe({ kind: 'unreadable', sentence: 'x' }, 0);
  metrics.observe({ kind: 'crashed', error: new Error('x') }, 0);
  metrics.countProvisioningFailure();
  metrics.observe({ kind: 'overloaded', sentence: 'x' }, 0);
  metrics.countDistrust();
  metrics.countClosedConnection();
  const text = await metrics.registry.metrics();
  const rows = [
    'admission_requests_total{outcome="injected",reason="injected"} 1',
    'admission_requests_total{outcome="skipped",reason="opted-out"} 1',
    'admission_requests_total{outcome="denied",reason="ambiguous-container"} 1',
    'admission_requests_total{outcome="unreadable",reason="bad-request"} 1',
    'admission_requests_total{outcome="failed",reason="internal-error"} 1',
    'admission_duration_seconds_bucket{le="0.005"} 6',
    'admission_duration_seconds_count 6',
    'certificate_expiry_timestamp_seconds 2000.5',
    'ca_bundle_matches 0',
    'watch_last_event_timestamp_seconds 1',
    'provisioned_namespaces 7',
    'provisioning_failures_total 1',
    'certificate_distrust_total 1',
    'connections_closed_total 1',
    'admission_requests_total{outcome="refused",reason="overloaded"} 1',
    'build_info{version="1.2.3"} 1',
  ];
  for (const row of rows) t.ok(text.includes(`\nredis_ip_updater_${row}\n`), row);
  t.notMatch(text, /\b(pod|namespace)="/);
});

t.test('the caBundle has no metric where nobody looks at it', async (t) => {
  const metrics = createMetrics({
    version: '1.2.3',
    certificateExpiryMs: () => 0,
    caBundleMatches: () => undefined,
    watchLastEventMs: () => 0,
    provisionedNamespaces: () => 0,
  });
  t.notMatch(await metrics.registry.metrics(), 'ca_bundle_matches');
});
