/**
 * What a real API server makes of a webhook that refuses a review: docs/decisions/webhook-overload.md rests on it. A
 * server in the webhook's place says so twice, then allows the pod.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import t from 'tap';
import { issueAuthority, issueServing } from '../../../src/certificates/issue.ts';
import { PROJECT, WEBHOOK_SERVICE } from '../../../src/names.ts';
import { statusBody } from '../../../src/webhook/status-body.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { template } from '../../deploy/helm.ts';
import { objectsOf } from '../../deploy/objects.ts';
import { CONFIGURATION, startStage, WAIT_MS } from './stage.ts';

const stage = await startStage(t);
const { api, leadTo, createPod } = stage;
const mode = ['--set', 'certificates.mode=secret', '--set', 'certificates.caBundle='];
await stage.install(objectsOf(await template(...mode, '--skip-tests')));

const authority = await issueAuthority(86_400_000, Date.now());
const host = `${WEBHOOK_SERVICE}.${PROJECT}.svc`;
const { cert, key } = await issueServing(authority, [host], Date.now() + 86_400_000);
const said = { calls: 0, refusing: 0, code: 200, headers: {} };
const server = createServer({ cert, key }, async (request, response) => {
  const { request: review } = (await json(request)) as { request: { uid: string } };
  said.calls += 1;
  response.setHeader('content-type', 'application/json');
  if (said.calls <= said.refusing) {
    response.writeHead(said.code, said.headers).end(JSON.stringify(statusBody(said.code, 'try again')));
    return;
  }
  const answer = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
  response.end(JSON.stringify({ ...answer, response: { uid: review.uid, allowed: true } }));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
t.teardown(() => {
  server.closeAllConnections();
  server.close();
});
const value = Buffer.from(authority.certificate.pem).toString('base64');
const patch = [
  { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value },
  // Two pauses of a second must fit on a busy machine, too.
  { op: 'replace', path: '/webhooks/0/timeoutSeconds', value: 30 },
];
await api.request('PATCH', CONFIGURATION, patch, 'application/json-patch+json');
await leadTo((server.address() as AddressInfo).port);
await until('the API server calls', WAIT_MS, () => createPod().catch(() => false));

const table: [number, Record<string, string>, { calls: number; error?: RegExp }][] = [
  [429, { 'retry-after': '1' }, { calls: 3 }],
  [503, { 'retry-after': '1' }, { calls: 3 }],
  [429, {}, { calls: 1, error: /500 .*failed calling webhook.*try again/s }],
  [503, {}, { calls: 1, error: /500 .*failed calling webhook.*try again/s }],
];
for (const [code, headers, expected] of table) {
  t.test(`${code} ${JSON.stringify(headers)}`, async (t) => {
    Object.assign(said, { calls: 0, refusing: 2, code, headers });
    const outcome = createPod();
    if (expected.error) await t.rejects(outcome, { message: expected.error });
    else t.match(await outcome, { kind: 'Pod' }, 'whoever creates the pod sees nothing of it');
    t.equal(said.calls, expected.calls);
  });
}
