import t, { type Test } from 'tap';
import {
  AnswerTooLarge,
  type ApiRequest,
  type ApiResponse,
  createHttpClient,
  NoAnswer,
  NotTheApi,
} from '../../src/kubernetes/http-client.ts';
import { createNamespaceApi } from '../../src/kubernetes/namespace-api.ts';
import { Client } from '../support/kubernetes-api/client.ts';
import { startKubernetesApi } from '../support/kubernetes-api/server.ts';

const root = '/api/v1/namespaces/shop';

async function setUp(t: Test, pods: number) {
  const api = await startKubernetesApi();
  const admin = new Client({ url: api.url, ca: api.ca, token: api.adminToken });
  await admin.create('/api/v1/namespaces', { metadata: { name: 'shop' } });
  await admin.create(`${root}/configmaps`, {
    metadata: { name: 'redis-ip-updater-nodes' },
    data: { 'redis-1': 'b' },
  });
  const spec = { containers: [{ name: 'redis', image: 'redis' }] };
  for (let index = 0; index < pods; index += 1) {
    await admin.create(`${root}/pods`, { metadata: { name: `redis-${index}` }, spec });
  }
  let token = api.adminToken;
  const client = createHttpClient({
    host: api.host,
    port: api.port,
    readToken: async () => `${token}\n`,
    readCa: async () => api.ca,
    millisecondsLeft: () => 60_000,
  });
  t.teardown(async () => {
    client.close();
    admin.close();
    await api.close();
  });
  const setToken = (now: string) => {
    token = now;
  };
  const sent = () => api.audit.map(({ verb, resource }) => `${verb} ${resource}`);
  return { api, admin, namespace: createNamespaceApi(client, 'shop', 'redis-0'), setToken, sent };
}

t.test('a list comes in pages of one snapshot', async (t) => {
  const { namespace, sent } = await setUp(t, 251);
  const before = sent().length;
  const pods = await namespace.listPods();
  t.equal(pods.length, 251);
  t.equal(new Set(pods.map(({ name }) => name)).size, 251);
  t.same(sent().slice(before), ['list pods', 'list pods']);
});

t.test('a list that expires on the way starts over, and at last counts as failed', async (t) => {
  const { api, namespace, sent } = await setUp(t, 251);
  const before = sent().length;
  // Every first page is followed by a compaction, as if the list took five minutes.
  let compactions = 0;
  api.intercept(({ verb, query }) => {
    if (verb === 'list' && query.has('continue') && compactions < 2) {
      compactions += 1;
      api.compact();
    }
    return undefined;
  });
  t.equal((await namespace.listPods()).length, 251);
  t.equal(sent().length - before, 6, 'three times two pages');
  compactions = Number.NEGATIVE_INFINITY;
  await t.rejects(namespace.listPods(), {
    name: 'ApiError',
    status: 410,
    message: /GET .*\/pods: status 410/,
  });
});

t.test('pods that are too large for one page come in smaller ones', async (t) => {
  const { admin, namespace, sent } = await setUp(t, 0);
  const spec = { containers: [{ name: 'redis', image: 'redis' }] };
  const annotations = { large: 'x'.repeat(100_000) };
  for (let index = 0; index < 45; index += 1)
    await admin.create(`${root}/pods`, { metadata: { name: `redis-${index}`, annotations }, spec });
  const before = sent().length;
  const pods = await namespace.listPods();
  t.equal(new Set(pods.map(({ name }) => name)).size, 45);
  t.equal(sent().length - before, 7, 'pages of 250 and of 50 are too large, five of 10 are not');
});

/** The API of a client that answers as told. */
function answering(send: (request: ApiRequest) => Promise<ApiResponse>) {
  return createNamespaceApi({ send, close: () => {} }, 'shop', 'redis-0');
}

t.test('pages that stay too large end: no API server stores pods of that size', async (t) => {
  const limits: (string | null)[] = [];
  const namespace = answering(async ({ path }) => {
    limits.push(new URLSearchParams(path.replace(/.*\?/, '')).get('limit'));
    if (limits.length > 9) throw new Error('it does not end');
    throw new AnswerTooLarge('too large');
  });
  await t.rejects(namespace.listPods(), { status: 0, isForeign: true, message: /: too large$/ });
  t.same(limits, ['250', '50', '10', '2']);
});

t.test('what no API server does is foreign, what a failing one does is not', async (t) => {
  const refusal = (status: number): ApiResponse => ({
    status,
    body: undefined,
    message: '',
    retryAfterSeconds: undefined,
  });
  const errorOf = (answer: Promise<ApiResponse>) =>
    answering(() => answer)
      .readMap()
      .catch((error) => error);
  t.match(await errorOf(Promise.reject(new NotTheApi('x'))), { status: 0, isForeign: true });
  t.match(await errorOf(Promise.reject(new NoAnswer('x'))), { status: 0, isForeign: false });
  t.match(await errorOf(Promise.resolve(refusal(302))), { status: 302, isForeign: true });
  for (const status of [403, 404, 429, 503])
    t.match(await errorOf(Promise.resolve(refusal(status))), { status, isForeign: false });
});

t.test('an answer of another kind is not taken for what was asked', async (t) => {
  const answer = { status: 200, message: '', retryAfterSeconds: undefined };
  for (const body of [{ status: 'ok' }, null, 'ok', { kind: 'Status' }]) {
    const namespace = answering(async () => ({ ...answer, body }));
    await t.rejects(namespace.listPods(), { isForeign: true, message: /is no PodList/ });
    await t.rejects(namespace.readMap(), { isForeign: true, message: /GET .* is no ConfigMap/ });
    await t.rejects(namespace.writeOwnEntry('a'), { isForeign: true, message: /PATCH .* is no ConfigMap/ });
    await t.rejects(namespace.ownIps(), { isForeign: true, message: /is no Pod$/ });
  }
});

t.test('our own pod, alone', async (t) => {
  const { admin, namespace } = await setUp(t, 1);
  t.same(await namespace.ownIps(), []);
  await admin.merge(`${root}/pods/redis-0/status`, {
    status: { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
  });
  t.same(await namespace.ownIps(), ['10.0.0.1']);
  await admin.delete(`${root}/pods/redis-0`);
  t.same(await namespace.ownIps(), [], 'deleted under our feet: nothing that a retry could heal');
});

t.test('our own entry is written and taken back, and nobody else is touched', async (t) => {
  const { namespace } = await setUp(t, 0);
  t.same(await namespace.readMap(), { 'redis-1': 'b' });
  t.same(await namespace.writeOwnEntry('a'), { 'redis-0': 'a', 'redis-1': 'b' });
  t.same(await namespace.writeOwnEntry(null), { 'redis-1': 'b' });
});

t.test('the token is read again for each request', async (t) => {
  const { api, namespace, setToken } = await setUp(t, 0);
  setToken('expired');
  await t.rejects(namespace.readMap(), { status: 401, message: /status 401 \(Unauthorized\)/ });
  setToken(api.adminToken);
  t.same(await namespace.readMap(), { 'redis-1': 'b' });
});
