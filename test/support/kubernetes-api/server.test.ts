import t from 'tap';
import { Client } from './client.ts';
import { configMap, configMaps, pod, pods } from './contract/subject.ts';
import { contract } from './contract.ts';
import type { Pod } from './objects.ts';
import { startKubernetesApi } from './server.ts';
import { ApiError } from './status.ts';

const api = await startKubernetesApi();
const client = new Client({ url: api.url, ca: api.ca, token: api.adminToken });
await client.create('/api/v1/namespaces', { metadata: { name: 'test' } });
t.teardown(async () => {
  client.close();
  await api.close();
});

contract(t, async () => ({ ...api, compact: async () => api.compact() }));

t.test('a pod on a node waits for its kubelet when it is deleted', async (t) => {
  await client.create(pods('test'), pod('running', { terminationGracePeriodSeconds: 7 }));
  await client.create(`${pods('test', 'running')}/binding`, { target: { kind: 'Node', name: 'node' } });
  const { body } = await client.ask<Pod>('DELETE', pods('test', 'running'));
  t.match(body.metadata, { deletionTimestamp: /Z$/, deletionGracePeriodSeconds: 7 });
  t.equal((await client.ask('GET', pods('test', 'running'))).code, 200);
  await client.delete(pods('test', 'running'), { gracePeriodSeconds: 0 });
  t.equal((await client.ask('GET', pods('test', 'running'))).code, 404);
});

t.test('the audit log names user, pod, verb and code', async (t) => {
  const { metadata } = await client.create<Pod>(pods('test'), pod('asking'));
  const { status } = await client.create<{ status: { token: string } }>(
    '/api/v1/namespaces/test/serviceaccounts/default/token',
    { spec: { boundObjectRef: { kind: 'Pod', name: 'asking', uid: metadata.uid } } },
  );
  const own = new Client({ url: api.url, ca: api.ca, token: status.token });
  await own.ask('GET', `${pods('test')}?limit=1`);
  t.match(api.audit.at(-1), {
    user: 'system:serviceaccount:test:default',
    pod: 'asking',
    verb: 'list',
    resource: 'pods',
    namespace: 'test',
    code: 403,
  });
  await client.delete(pods('test', 'asking'));
  t.equal((await own.ask('GET', pods('test'))).code, 401, 'the token ends with its pod');
  own.close();
});

t.test('a test can make it refuse what it likes', async (t) => {
  await client.create(configMaps('test'), configMap('map'));
  api.intercept(({ verb }) =>
    verb === 'get' ? new ApiError(503, 'ServiceUnavailable', 'later') : undefined,
  );
  t.match(await client.ask('GET', configMaps('test', 'map')), { code: 503, body: { message: 'later' } });
  api.intercept(() => undefined);
  t.equal((await client.ask('GET', configMaps('test', 'map'))).code, 200);
});

t.test('a namespace takes what is in it along', async (t) => {
  await client.create('/api/v1/namespaces', { metadata: { name: 'short' } });
  await client.create(configMaps('short'), configMap('map'));
  await client.delete('/api/v1/namespaces/short');
  t.equal((await client.ask('GET', configMaps('short', 'map'))).code, 404);
});
