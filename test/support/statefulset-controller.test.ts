import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Client } from './kubernetes-api/client.ts';
import type { KubernetesObject, Pod } from './kubernetes-api/objects.ts';
import { startKubernetesApi } from './kubernetes-api/server.ts';
import { forbidden } from './kubernetes-api/status.ts';
import { startStatefulSetController } from './statefulset-controller.ts';

const PODS = '/api/v1/namespaces/test/pods';
const api = await startKubernetesApi();
const connection = { url: api.url, ca: api.ca, token: api.adminToken };
const client = new Client(connection);
const controller = await startStatefulSetController(connection, (error) =>
  t.fail('it cannot go on', { error }),
);
await client.create('/api/v1/namespaces', { metadata: { name: 'test' } });
t.teardown(async () => {
  await controller.close();
  client.close();
  await api.close();
});

const names = async () => {
  const { items } = await client.get<{ items: Pod[] }>(PODS);
  return items.map(({ metadata }) => metadata.name).join();
};
const until = async (wanted: string) => {
  while ((await names()) !== wanted) await sleep(10);
};

t.test('it makes pods, makes them again, and removes what is too many', async (t) => {
  await client.create('/apis/apps/v1/namespaces/test/statefulsets', {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'web' }] },
      },
    },
  });
  await until('web-0,web-1');
  const { metadata } = await client.get<Pod>(`${PODS}/web-0`);
  await client.delete(`${PODS}/web-0`);
  await until('web-0,web-1');
  const again = await client.get<Pod>(`${PODS}/web-0`);
  t.not(again.metadata.uid, metadata.uid);
  await client.merge('/apis/apps/v1/namespaces/test/statefulsets/web', { spec: { replicas: 1 } });
  await until('web-0');
  t.pass('scaled down');
});

t.test('a refused pod is an Event, and is tried again', async (t) => {
  let refusals = 0;
  api.intercept(({ verb, resource }) => {
    if (verb !== 'create' || resource.plural !== 'pods' || refusals === 2) return undefined;
    refusals += 1;
    return forbidden(resource, 'web-1', 'not now');
  });
  await client.merge('/apis/apps/v1/namespaces/test/statefulsets/web', { spec: { replicas: 2 } });
  await until('web-0,web-1');
  t.equal(refusals, 2);
  const { items } = await client.get<{ items: KubernetesObject[] }>('/api/v1/namespaces/test/events');
  t.equal(items.length, 2);
  t.match(items[0], {
    type: 'Warning',
    reason: 'FailedCreate',
    message: 'create Pod web-1 in StatefulSet web failed error: pods "web-1" is forbidden: not now',
    involvedObject: { kind: 'StatefulSet', name: 'web' },
  });
});
