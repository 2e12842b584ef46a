/** The provisioner against the API in this process: what real watches bring, and faults that it survives. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { namespaceObjects } from '../../src/provisioning/objects.ts';
import { startProvisioner } from '../../src/webhook/provisioner.ts';
import { untilStill, until as untilWithin } from '../cluster/kubernetes/until.ts';
import { statefulSet } from '../provisioning/builders.ts';
import { Client } from '../support/kubernetes-api/client.ts';
import type { ConfigMap, KubernetesObject, StatefulSet } from '../support/kubernetes-api/objects.ts';
import { pathOf, resourceOf, resources } from '../support/kubernetes-api/resources.ts';
import { startKubernetesApi } from '../support/kubernetes-api/server.ts';
import { ApiError } from '../support/kubernetes-api/status.ts';

const OURS = 'redis-ip-updater';
const MAP = 'redis-ip-updater-nodes';
const ENABLED = { 'redis-ip-updater.io/injection': 'enabled' };

async function start(t: Test, { imagePullSecrets = [] as string[], replicas = 1 } = {}) {
  const api = await startKubernetesApi();
  const client = new Client({ url: api.url, ca: api.ca, token: api.adminToken });
  const kubeconfig = join(t.testdir(), 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig());
  process.env.KUBECONFIG = kubeconfig;
  const lines: { msg: string; level: number; namespace?: string }[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const failures = { count: 0 };
  const onFailure = () => {
    failures.count += 1;
  };
  const provisioners = Array.from({ length: replicas }, () =>
    startProvisioner({ imagePullSecrets, onFailure }, log),
  );
  t.teardown(async () => {
    for (const provisioner of provisioners) await provisioner.stop();
    client.close();
    await api.close();
  });
  const [provisioner] = provisioners;
  if (!provisioner) throw new Error('none');
  const missing = async (namespace: string) => {
    for (const object of Object.values(
      namespaceObjects({ namespace, serviceAccounts: [], imagePullSecrets }),
    )) {
      const path = pathOf(
        resourceOf(object as KubernetesObject) ?? resources.roles,
        namespace,
        object.metadata?.name,
      );
      if ((await client.ask('GET', path)).code !== 200) return true;
    }
    return false;
  };
  return {
    api,
    client,
    lines,
    failures,
    provisioner,
    namespace: (name: string, labels: object = ENABLED) =>
      client.create(pathOf(resources.namespaces), { metadata: { name, labels } }),
    complete: (namespace: string) =>
      until(async () => !(await missing(namespace)), `${namespace} is complete`),
    missing,
    writes: () =>
      api.audit.filter(
        ({ verb, resource }) =>
          ['patch', 'create', 'update'].includes(verb) &&
          ['serviceaccounts', 'roles', 'rolebindings', 'configmaps', 'events'].includes(resource),
      ),
    map: (namespace: string) => client.get<ConfigMap>(pathOf(resources.configmaps, namespace, MAP)),
    status: (namespace: string, name: string, body: object) =>
      client.merge(pathOf(resources.statefulsets, namespace, name, 'status'), { status: body }),
    create: (namespace: string, object: object, resource: (typeof resources)[keyof typeof resources]) => {
      const { metadata, ...rest } = object as KubernetesObject;
      const { generation: _, ...kept } = metadata;
      return client.create<StatefulSet>(pathOf(resource, namespace), {
        ...rest,
        metadata: { ...kept, namespace },
      });
    },
  };
}

const until = (condition: () => boolean | Promise<boolean>, what: string) =>
  untilWithin(what, 60_000, condition, 20);

/** Long enough for anything that was under way to happen. */
const quiet = () => delay(600);

/** What was written has come back through the watches, and nothing follows from it. */
const silence = (writes: () => readonly unknown[]) => untilStill(() => writes().length, 600);

t.test('a labelled namespace gets its four objects, others nothing', async (t) => {
  const { namespace, complete, client, provisioner, missing, writes } = await start(t, {
    imagePullSecrets: ['registry'],
  });
  await namespace('plain', {});
  await namespace('shop');
  await complete('shop');
  const account = await client.get(pathOf(resources.serviceaccounts, 'shop', OURS));
  t.match(account, { automountServiceAccountToken: false, imagePullSecrets: [{ name: 'registry' }] });
  await until(() => provisioner.provisionedNamespaces() === 1, 'it is counted');
  t.ok(provisioner.isSynced());
  t.ok(Date.now() - provisioner.lastEventMs() < 60_000);
  await silence(writes);
  const before = writes().length;
  await quiet();
  t.equal(writes().length, before, 'and then nothing is written');
  t.ok(await missing('plain'));

  await client.merge(pathOf(resources.namespaces, '', 'plain'), { metadata: { labels: ENABLED } });
  await complete('plain');
});

t.test('a quiet watch gives signs of life', async (t) => {
  const { provisioner } = await start(t);
  await until(() => provisioner.isSynced(), 'everything is listed');
  const listedAtMs = provisioner.lastEventMs();
  // Bookmarks: this API sends them each second, a real one each minute.
  await until(() => provisioner.lastEventMs() > listedAtMs, 'all have spoken again');
  t.pass();
});

t.test('drift is repaired', async (t) => {
  const { namespace, complete, client } = await start(t);
  await namespace('shop');
  await complete('shop');
  const role = pathOf(resources.roles, 'shop', OURS);
  const rules = async () => (await client.get<{ rules: object[] }>(role)).rules.length;
  await client.merge(role, { rules: [] });
  await until(async () => (await rules()) === 2, 'the rules are back');
  for (const resource of [resources.serviceaccounts, resources.rolebindings, resources.roles])
    await client.delete(pathOf(resource, 'shop', OURS));
  await client.delete(pathOf(resources.configmaps, 'shop', MAP));
  await complete('shop');
});

t.test('custom accounts are bound, and stay bound for the pods that are there', async (t) => {
  const { namespace, complete, client, create } = await start(t);
  await namespace('shop');
  await complete('shop');
  const subjects = async () => {
    const path = pathOf(resources.rolebindings, 'shop', OURS);
    const { subjects } = await client.get<{ subjects: { name: string }[] }>(path);
    return subjects.map(({ name }) => name).join();
  };
  const onTemplate = { labels: {}, podLabels: { 'redis-ip-updater.io/inject': 'true' } };
  await create('shop', statefulSet('redis', { account: 'own' }), resources.statefulsets);
  await create('shop', statefulSet('valkey', { ...onTemplate, account: 'other' }), resources.statefulsets);
  await create('shop', statefulSet('plain', { labels: {}, account: 'plain' }), resources.statefulsets);
  await until(async () => (await subjects()) === `${OURS},other,own`, 'both are bound');
  await client.merge(pathOf(resources.statefulsets, 'shop', 'redis'), {
    metadata: { labels: { 'redis-ip-updater.io/inject': null } },
  });
  await client.delete(pathOf(resources.statefulsets, 'shop', 'valkey'));
  await create('shop', statefulSet('later', { account: 'zeta' }), resources.statefulsets);
  await until(async () => (await subjects()) === `${OURS},other,own,zeta`, 'older ones are kept');
  t.equal(await subjects(), `${OURS},other,own,zeta`);
});

t.test('foreign objects are left alone, and told once', async (t) => {
  const { namespace, client, api, provisioner, lines, create } = await start(t);
  await namespace('shop', {});
  const foreign = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: OURS },
    rules: [],
  };
  await create('shop', foreign, resources.roles);
  await create('shop', { metadata: { name: MAP }, data: { 'nodes.txt': 'by hand' } }, resources.configmaps);
  await client.merge(pathOf(resources.namespaces, '', 'shop'), { metadata: { labels: ENABLED } });
  const told = () => api.audit.filter(({ resource, verb }) => resource === 'events' && verb === 'create');
  await until(() => told().length === 1, 'an event');
  await create('shop', statefulSet('redis', { account: 'own' }), resources.statefulsets);
  await quiet();
  t.equal(told().length, 1);
  t.equal(provisioner.provisionedNamespaces(), 0);
  t.same((await client.get<{ rules: object[] }>(pathOf(resources.roles, 'shop', OURS))).rules, []);
  const map = await client.get<ConfigMap>(pathOf(resources.configmaps, 'shop', MAP));
  t.same([map.data, map.metadata.labels], [{ 'nodes.txt': 'by hand' }, undefined]);
  t.equal(lines.filter(({ msg }) => /was not made by redis-ip-updater/.test(msg)).length, 1);
  await client.delete(pathOf(resources.roles, 'shop', OURS));
  await until(() => provisioner.provisionedNamespaces() === 1, 'it is provisioned without the foreign one');
});

t.test('opting out leaves the objects and repairs them no more', async (t) => {
  const { namespace, complete, client, provisioner, writes, missing } = await start(t);
  await namespace('shop');
  await complete('shop');
  await until(() => provisioner.provisionedNamespaces() === 1, 'counted');
  // No pass is under way that would see it anyway.
  await silence(writes);
  await client.merge(pathOf(resources.namespaces, '', 'shop'), {
    metadata: { labels: { 'redis-ip-updater.io/injection': null } },
  });
  await until(() => provisioner.provisionedNamespaces() === 0, 'no longer counted');
  t.notOk(await missing('shop'));
  const before = writes().length;
  await client.delete(pathOf(resources.roles, 'shop', OURS));
  await quiet();
  t.equal(writes().length, before);
});

t.test('the entry of a pod that its StatefulSet was scaled away from goes, no other', async (t) => {
  const { namespace, complete, client, create, map, status } = await start(t);
  await namespace('shop');
  await complete('shop');
  const entries = {
    'redis-0': 'a',
    'redis-1': 'b',
    'redis-2': 'c',
    'redis-1-0': 'x',
    'gone-7': 'y',
    'nodes.txt': 'z',
  };
  await client.merge(pathOf(resources.configmaps, 'shop', MAP), { data: entries });
  await create('shop', statefulSet('redis', { replicas: 3 }), resources.statefulsets);
  await status('shop', 'redis', { observedGeneration: 1, replicas: 3 });
  const pod = { metadata: { name: 'redis-2' }, spec: { containers: [{ name: 'redis', image: 'redis' }] } };
  await create('shop', pod, resources.pods);

  await client.merge(pathOf(resources.statefulsets, 'shop', 'redis'), { spec: { replicas: 1 } });
  await quiet();
  t.same((await map('shop')).data, entries, 'the controller has not seen it');
  await status('shop', 'redis', { observedGeneration: 2, replicas: 2 });
  await quiet();
  t.same((await map('shop')).data, entries, 'a pod too many is left');
  await status('shop', 'redis', { observedGeneration: 2, replicas: 1 });
  await until(async () => (await map('shop')).data?.['redis-1'] === undefined, 'redis-1 is forgotten');
  const { 'redis-1': _, ...rest } = entries;
  await quiet();
  t.same((await map('shop')).data, rest, 'redis-2 still has its pod');
  await client.delete(pathOf(resources.statefulsets, 'shop', 'redis'), { propagationPolicy: 'Orphan' });
  await client.delete(pathOf(resources.pods, 'shop', 'redis-2'));
  await quiet();
  t.same((await map('shop')).data, rest, 'without its StatefulSet nothing is');
});

t.test('one namespace that fails does not hold up the others, and is tried again with backoff', async (t) => {
  const { api, namespace, complete, failures, missing, writes } = await start(t);
  api.intercept(({ namespace, verb }) =>
    namespace === 'broken' && verb === 'patch'
      ? new ApiError(500, 'InternalError', 'as the test wants')
      : undefined,
  );
  await namespace('broken');
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await namespace(name);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await complete(name);
  await until(() => failures.count >= 2, 'it is tried again');
  const tries = writes().filter(({ namespace }) => namespace === 'broken').length;
  t.ok(tries <= 12, `${tries} requests`);
  t.ok(await missing('broken'));
  api.intercept(() => undefined);
  await complete('broken');
});

t.test('somebody who undoes it again and again is not fought for ever', async (t) => {
  const { namespace, complete, client, writes, lines } = await start(t);
  await namespace('shop');
  await complete('shop');
  const stop = new AbortController();
  const role = pathOf(resources.roles, 'shop', OURS);
  const undoing = (async () => {
    while (!stop.signal.aborted) {
      await client.merge(role, { rules: [] });
      await delay(10);
    }
  })();
  const stopped = () => lines.some(({ msg }) => /changed back again and again/.test(msg));
  await until(stopped, 'it gives up');
  const applied = () =>
    writes().filter(({ name, verb, resource }) => name === OURS && verb === 'patch' && resource === 'roles')
      .length;
  const theirs = () => lines.filter(({ msg }) => msg === 'repaired').length;
  t.ok(theirs() <= 21, `${theirs()} repairs`);
  const before = theirs();
  await delay(3_000);
  t.ok(theirs() <= before + 1);
  t.ok(applied() > theirs());
  stop.abort();
  await undoing;
});

t.test('two replicas: all is right, and then silence', async (t) => {
  const { namespace, complete, writes, failures } = await start(t, { replicas: 2 });
  const names = Array.from({ length: 20 }, (_, index) => `ns-${index}`);
  await Promise.all(names.map((name) => namespace(name)));
  for (const name of names) await complete(name);
  await silence(writes);
  const before = writes().length;
  await delay(2_000);
  t.equal(writes().length, before);
  t.equal(failures.count, 0);
});

t.test('history that is gone does not stop it', async (t) => {
  const { api, namespace, complete, client } = await start(t);
  await namespace('before');
  await complete('before');
  api.intercept(({ verb }) =>
    verb === 'watch' ? new ApiError(500, 'InternalError', 'no watch') : undefined,
  );
  await client.delete(pathOf(resources.roles, 'before', OURS));
  await namespace('meanwhile');
  api.compact();
  api.intercept(() => undefined);
  await complete('meanwhile');
  await complete('before');
});

t.test('no object of somebody else is overruled that came between look and write', async (t) => {
  const { api, namespace, client } = await start(t);
  const uids: string[] = [];
  api.intercept(({ verb, resource, query }) => {
    if (verb === 'patch' && resource === resources.roles) uids.push(query.get('force') ?? '');
    return undefined;
  });
  await namespace('shop');
  await until(() => uids.length > 0, 'an apply');
  t.equal(uids[0], 'false');
  await client.merge(pathOf(resources.roles, 'shop', OURS), { rules: [] });
  await until(() => uids.includes('true'), 'a forced apply of our own object');
});
