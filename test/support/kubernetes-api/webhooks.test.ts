import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import t from 'tap';
import { issueCertificate } from './certificates.ts';
import { Client } from './client.ts';
import { pod, pods } from './contract/subject.ts';
import type { Pod } from './objects.ts';
import { startKubernetesApi } from './server.ts';

type Review = { request: { uid: string; name: string; object: Pod } & Record<string, unknown> };
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

const api = await startKubernetesApi();
const client = new Client({ url: api.url, ca: api.ca, token: api.adminToken });
await client.create('/api/v1/namespaces', { metadata: { name: 'test', labels: { injection: 'enabled' } } });
await client.create('/api/v1/namespaces', { metadata: { name: 'other' } });

/** A webhook that answers what the test wants. */
const { ca, certificate, key } = await issueCertificate(['127.0.0.1']);
const reviews: Review[] = [];
let respond: (review: Review) => unknown = () => ({});
const webhook = createServer({ cert: certificate, key }, async (request, response) => {
  const review = (await json(request)) as Review;
  reviews.push(review);
  response.end(JSON.stringify(respond(review)));
});
await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
const url = `https://127.0.0.1:${(webhook.address() as AddressInfo).port}/mutate`;
t.teardown(async () => {
  client.close();
  webhook.close();
  webhook.closeAllConnections();
  await api.close();
});

const answer = (response: object) => (review: Review) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: review.request.uid, ...response },
});
const patch = (operations: object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
const register = async (settings: object = {}) => {
  await client.ask('DELETE', `${CONFIGURATIONS}/test`);
  await client.create(CONFIGURATIONS, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'test' },
    webhooks: [
      {
        name: 'test.example.org',
        clientConfig: { url, caBundle: Buffer.from(ca).toString('base64') },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        namespaceSelector: { matchLabels: { injection: 'enabled' } },
        timeoutSeconds: 1,
        ...settings,
      },
    ],
  });
  reviews.length = 0;
};
const label = patch([{ op: 'add', path: '/metadata/labels', value: { injected: 'true' } }]);

t.test('the patch is applied; warnings reach the client, annotations the audit log', async (t) => {
  await register();
  respond = answer({ ...label, warnings: ['mind the gap'], auditAnnotations: { reason: 'injected' } });
  const { code, headers, body } = await client.ask<Pod>('POST', pods('test'), { body: pod('patched') });
  t.equal(code, 201);
  t.same(body.metadata.labels, { injected: 'true' });
  t.equal(headers.warning, '299 - "mind the gap"');
  t.same(api.audit.at(-1)?.annotations, { 'test.example.org/reason': 'injected' });
  const [review] = reviews;
  t.match(review, {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      name: 'patched',
      namespace: 'test',
      operation: 'CREATE',
      userInfo: { username: 'admin' },
      object: { kind: 'Pod', spec: { serviceAccountName: 'default' } },
      dryRun: false,
    },
  });
});

t.test('selectors keep it from being asked', async (t) => {
  await register({ objectSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] } });
  respond = answer(label);
  await client.create(pods('other'), pod('elsewhere'));
  const skipping = { ...pod('skipping'), metadata: { name: 'skipping', labels: { skip: 'yes' } } };
  await client.create(pods('test'), skipping);
  t.same(reviews, []);
});

t.test('a denial is the webhook’s own code and message', async (t) => {
  await register();
  respond = answer({ allowed: false, status: { code: 422, message: 'which container?' } });
  const { code, body } = await client.ask('POST', pods('test'), { body: pod('denied') });
  t.equal(code, 422);
  t.equal(body.message, 'admission webhook "test.example.org" denied the request: which container?');
});

t.test('an account that the webhook chose must exist', async (t) => {
  await register();
  respond = answer(patch([{ op: 'replace', path: '/spec/serviceAccountName', value: 'nobody' }]));
  t.match(await client.ask('POST', pods('test'), { body: pod('switched') }), {
    code: 403,
    body: { message: /serviceaccount "nobody" not found$/ },
  });
});

const failures: Record<string, () => object> = {
  'another authority': () => ({ clientConfig: { url, caBundle: Buffer.from(api.ca).toString('base64') } }),
  'nobody listens': () => ({
    clientConfig: { url: 'https://127.0.0.1:1/mutate', caBundle: Buffer.from(ca).toString('base64') },
  }),
  'the answer to another review': () => {
    respond = answer({ uid: 'another', allowed: true });
    return {};
  },
  'no review at all': () => {
    respond = () => ({ allowed: true });
    return {};
  },
};
for (const [failure, prepare] of Object.entries(failures))
  t.test(
    `a failed call (${failure}) fails the request, or is ignored where the policy says so`,
    async (t) => {
      const settings = prepare();
      await register(settings);
      const failed = await client.ask('POST', pods('test'), { body: pod('failed') });
      t.match(failed, { code: 500, body: { message: /failed calling webhook "test.example.org": / } });
      await register({ ...settings, failurePolicy: 'Ignore' });
      const { code } = await client.ask('POST', pods('test'), { body: pod('ignored') });
      t.equal(code, 201);
      await client.delete(pods('test', 'ignored'));
    },
  );

t.test('a webhook that takes too long is a failed call', async (t) => {
  await register();
  const slow = createServer({ cert: certificate, key }, () => undefined);
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  const slowUrl = `https://127.0.0.1:${(slow.address() as AddressInfo).port}/`;
  await register({ clientConfig: { url: slowUrl, caBundle: Buffer.from(ca).toString('base64') } });
  t.match(await client.ask('POST', pods('test'), { body: pod('late') }), {
    code: 500,
    body: { message: /context deadline exceeded$/ },
  });
  slow.close();
  slow.closeAllConnections();
});
