/** Provisioning on a real API server and controller manager, with the rights that the chart gives it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { PooledKubeConfig } from '../../../src/kubernetes/client.ts';
import { createProvisioningApi } from '../../../src/kubernetes/provisioning-api.ts';
import { namespaceObjects } from '../../../src/provisioning/objects.ts';
import { startProvisioner } from '../../../src/webhook/provisioner.ts';
import { auditEvents, METADATA_AUDIT_POLICY } from '../../cluster/kubernetes/audit.ts';
import { startControlPlane } from '../../cluster/kubernetes/control-plane.ts';
import { until, untilStill } from '../../cluster/kubernetes/until.ts';
import { kubeconfig, requestToken } from '../../cluster/kubernetes/users.ts';
import { objectsOf } from '../../deploy/objects.ts';
import { statefulSet } from '../../provisioning/builders.ts';

const OURS = 'redis-ip-updater';
const MAP = 'redis-ip-updater-nodes';
const OPT_IN = 'redis-ip-updater.io/injection';
const USER = 'system:serviceaccount:redis-ip-updater:redis-ip-updater-webhook';
const MERGE = 'application/merge-patch+json';
const WAIT_MS = 30_000;

const plane = await startControlPlane({ auditPolicy: METADATA_AUDIT_POLICY });
t.teardown(() => plane.stop());
const { api } = plane;
const config = join(plane.directory, 'webhook.kubeconfig');
await becomeTheWebhook();

/** Its account, its ClusterRole and the binding, out of install.yaml. */
async function becomeTheWebhook(): Promise<void> {
  const rights = ['Namespace', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding'];
  const objects = objectsOf(readFileSync('deploy/install.yaml', 'utf8'));
  for (const object of objects.filter(({ kind }) => rights.includes(kind ?? '')))
    await plane.kubectl(['apply', '--filename=-'], JSON.stringify(object));
  const token = await requestToken(api, 'redis-ip-updater', 'redis-ip-updater-webhook');
  writeFileSync(config, kubeconfig({ url: plane.url, caPem: plane.caPem, token }));
  process.env.KUBECONFIG = config;
}

type Log = { msg: string; level: number };

/** Starts replicas of the provisioner, as the webhook's account. */
function start(t: Test, { replicas = 1, imagePullSecrets = [] as string[] } = {}) {
  const lines: Log[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const failures = { count: 0 };
  const onFailure = () => {
    failures.count += 1;
  };
  const running = Array.from({ length: replicas }, () =>
    startProvisioner({ imagePullSecrets, onFailure }, log),
  );
  const stop = async () => {
    for (const provisioner of running.splice(0)) await provisioner.stop();
  };
  t.teardown(async () => {
    await stop();
    if (!t.passing()) for (const line of lines) t.comment(JSON.stringify(line));
  });
  const provisioned = () => Math.min(...running.map((provisioner) => provisioner.provisionedNamespaces()));
  return { lines, failures, provisioned, stop };
}

const label = (namespace: string, value: string | null) =>
  api.request(
    'PATCH',
    `/api/v1/namespaces/${namespace}`,
    { metadata: { labels: { [OPT_IN]: value } } },
    MERGE,
  );
const createNamespace = (name: string, optedIn = true) =>
  api.request('POST', '/api/v1/namespaces', {
    metadata: { name, ...(optedIn && { labels: { [OPT_IN]: 'enabled' } }) },
  });
const paths = (namespace: string) => ({
  account: `/api/v1/namespaces/${namespace}/serviceaccounts/${OURS}`,
  role: `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/${OURS}`,
  binding: `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings/${OURS}`,
  map: `/api/v1/namespaces/${namespace}/configmaps/${MAP}`,
});
const read = (path: string) => api.request('GET', path).catch(() => undefined);
const entries = async (namespace: string) => (await read(paths(namespace).map))?.data ?? {};
const record = (namespace: string, data: object) =>
  api.request('PATCH', paths(namespace).map, { data }, MERGE);
const isComplete = async (namespace: string) =>
  (await Promise.all(Object.values(paths(namespace)).map(read))).every((object) => object !== undefined);
const complete = (namespace: string) =>
  until(`${namespace} is provisioned`, WAIT_MS, () => isComplete(namespace));
const subjects = async (namespace: string) =>
  ((await read(paths(namespace).binding))?.subjects ?? []).map(({ name }: { name: string }) => name).join();

const sets = (namespace: string) => `/apis/apps/v1/namespaces/${namespace}/statefulsets`;
const createSet = (namespace: string, name: string, shape: Parameters<typeof statefulSet>[1] = {}) => {
  const { spec, metadata } = statefulSet(name, shape);
  const { labels, annotations } = metadata ?? {};
  const parallel = { ...spec, podManagementPolicy: 'Parallel' };
  return api.request('POST', sets(namespace), { metadata: { name, labels, annotations }, spec: parallel });
};
const scale = (namespace: string, name: string, replicas: number) =>
  api.request('PATCH', `${sets(namespace)}/${name}`, { spec: { replicas } }, MERGE);
const podCount = async (namespace: string) =>
  (await api.request('GET', `/api/v1/namespaces/${namespace}/pods`)).items.length;

const writes = () =>
  auditEvents(plane.auditLog ?? '', USER).filter(({ verb }) => !['get', 'list', 'watch'].includes(verb));
const codes = () => writes().map(({ responseStatus }) => responseStatus?.code);

/** Waits until nothing was written for three seconds; gives how many writes there were. */
const silence = () => untilStill(() => writes().length, 3_000);

t.test('two replicas race for a labelled namespace, then fall silent', async (t) => {
  const { failures, provisioned, lines } = start(t, { replicas: 2 });
  const names = Array.from({ length: 10 }, (_, index) => `race-${index}`);
  await Promise.all(names.map((name) => createNamespace(name)));
  for (const name of names) await complete(name);
  await until('both count them', WAIT_MS, () => provisioned() === names.length);
  const count = await silence();
  t.ok(count <= 2 * 4 * names.length, `${count} writes`);
  t.same(
    codes().filter((code) => code !== 200 && code !== 201 && code !== 409),
    [],
  );
  t.equal(failures.count, 0, lines.filter(({ level }) => level > 30).join());
  const { metadata, automountServiceAccountToken } = await read(paths('race-0').account);
  t.equal(automountServiceAccountToken, false);
  t.same([...new Set(metadata.managedFields.map(({ manager }: { manager: string }) => manager))], [OURS]);
  t.comment(`${count} writes of two replicas for ${names.length} namespaces`);
});

t.test('drift is repaired', async (t) => {
  start(t);
  const { role, binding, account, map } = paths('race-0');
  await api.request('PATCH', role, { rules: [] }, MERGE);
  await until('the rules are back', WAIT_MS, async () => (await read(role))?.rules?.length === 2);
  await api.request('PATCH', account, { automountServiceAccountToken: true }, MERGE);
  await until('no token', WAIT_MS, async () => (await read(account))?.automountServiceAccountToken === false);
  for (const path of [binding, map]) await api.request('DELETE', path);
  await complete('race-0');
  t.equal(await subjects('race-0'), OURS);
});

t.test('foreign objects are left alone, one Event from two replicas', async (t) => {
  const { provisioned } = start(t, { replicas: 2 });
  await createNamespace('foreign', false);
  await api.request('POST', paths('foreign').role.replace(`/${OURS}`, ''), {
    metadata: { name: OURS },
    rules: [],
  });
  await record('foreign', {}).catch(() => {});
  await api.request('POST', paths('foreign').map.replace(`/${MAP}`, ''), {
    metadata: { name: MAP },
    data: { 'nodes.txt': 'by hand' },
  });
  await label('foreign', 'enabled');
  const events = async () =>
    (await api.request('GET', '/api/v1/namespaces/foreign/events')).items.filter(
      ({ reason }: { reason: string }) => reason === 'ForeignObject',
    );
  await until('an Event', WAIT_MS, async () => (await events()).length > 0);
  await until('the account', WAIT_MS, () => read(paths('foreign').account));
  await silence();
  const [event, ...more] = await events();
  t.same(more, []);
  t.match(event, { type: 'Warning', involvedObject: { kind: 'Role', name: OURS }, count: 1 });
  t.match((await read(paths('foreign').role)).rules ?? [], []);
  const map = await read(paths('foreign').map);
  t.same([map.data, map.metadata.labels], [{ 'nodes.txt': 'by hand' }, undefined]);
  t.equal(provisioned(), 10, 'it does not count as provisioned');
});

t.test('an object that came between look and write is not overruled', async (t) => {
  const provisioning = createProvisioningApi(new PooledKubeConfig(10_000));
  const wanted = namespaceObjects({ namespace: 'foreign', serviceAccounts: [], imagePullSecrets: [] });
  await api.request(
    'PATCH',
    paths('foreign').role,
    { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] },
    MERGE,
  );
  await t.rejects(provisioning.apply(wanted.role, undefined), { message: /HTTP 409 .*conflict/i });
  const uid = '00000000-0000-0000-0000-000000000000';
  await t.rejects(
    provisioning.apply(wanted.role, uid),
    { message: /HTTP 422 .*uid/ },
    'nor one of another uid',
  );
});

t.test('custom accounts are bound; kept while a StatefulSet names them', async (t) => {
  start(t);
  await createNamespace('accounts');
  await complete('accounts');
  const podLabels = { 'redis-ip-updater.io/inject': 'true' };
  await createSet('accounts', 'on-set', { account: 'own', replicas: 0 });
  await createSet('accounts', 'on-pod', { labels: {}, podLabels, account: 'other', replicas: 0 });
  await createSet('accounts', 'keeps', {
    annotations: { 'redis-ip-updater.io/service-account': 'keep' },
    replicas: 0,
  });
  const bound = (names: string) =>
    until(`bound: ${names}`, WAIT_MS, async () => (await subjects('accounts')) === names);
  await bound(`${OURS},default,other,own`);
  const unlabel = { metadata: { labels: { 'redis-ip-updater.io/inject': null } } };
  await api.request('PATCH', `${sets('accounts')}/on-set`, unlabel, MERGE);
  await api.request('DELETE', `${sets('accounts')}/on-pod`);
  await createSet('accounts', 'later', { account: 'zeta', replicas: 0 });
  await bound(`${OURS},default,other,own,zeta`);
  t.pass('who was bound stays bound: pods that were left alone still need it');
});

t.test('entries of pods that a StatefulSet was scaled away from', async (t) => {
  start(t);
  await createNamespace('scaled');
  await complete('scaled');
  const all = {
    'redis-0': 'a',
    'redis-1': 'b',
    'redis-2': 'c',
    'redis-1-9': 'x',
    'gone-7': 'y',
    'nodes.txt': 'z',
  };
  await createSet('scaled', 'redis', { replicas: 3 });
  await until('three pods', WAIT_MS, async () => (await podCount('scaled')) === 3);
  await record('scaled', all);

  await scale('scaled', 'redis', 2);
  await until('redis-2 is forgotten', WAIT_MS, async () => !('redis-2' in (await entries('scaled'))));
  const { 'redis-2': _, ...rest } = all;
  t.same(await entries('scaled'), rest, 'and nothing else');

  for (let round = 0; round < 5; round += 1) {
    await scale('scaled', 'redis', 1);
    await scale('scaled', 'redis', 2);
  }
  await until('two pods', WAIT_MS, async () => (await podCount('scaled')) === 2);
  await silence();
  const after = await entries('scaled');
  t.ok(!('redis-1' in after) || after['redis-1'] === 'b');
  await record('scaled', { 'redis-1': 'b' });
  await silence();
  t.equal((await entries('scaled'))['redis-1'], 'b', 'down and up again: what the pod records stays');

  await scale('scaled', 'redis', 0);
  await until('no pods', WAIT_MS, async () => (await podCount('scaled')) === 0);
  await silence();
  t.same(await entries('scaled'), rest, 'stopped, not scaled');

  await scale('scaled', 'redis', 2);
  await until('two pods', WAIT_MS, async () => (await podCount('scaled')) === 2);
  await api.request('DELETE', `${sets('scaled')}/redis`, { propagationPolicy: 'Orphan' });
  await until('the StatefulSet is gone', WAIT_MS, async () => !(await read(`${sets('scaled')}/redis`)));
  await silence();
  t.same(await entries('scaled'), rest, 'deleted with --cascade=orphan');
  await createSet('scaled', 'redis', { replicas: 2 });
  await silence();
  t.same(await entries('scaled'), rest, 'and made again');
});

t.test(
  'an entry is removed with the value that was seen, and put back unless the pod was quicker',
  async (t) => {
    const provisioning = createProvisioningApi(new PooledKubeConfig(10_000));
    const entry = { pod: 'redis-0', id: 'a' };
    t.equal(await provisioning.removeEntry('scaled', { ...entry, id: 'old' }), undefined);
    t.equal(await provisioning.removeEntry('scaled', { ...entry, pod: 'none-0' }), undefined);
    t.equal((await entries('scaled'))['redis-0'], 'a');
    const version = (await provisioning.removeEntry('scaled', entry)) ?? '';
    t.notOk('redis-0' in (await entries('scaled')));
    await record('scaled', { 'redis-1': 'changed' });
    await provisioning.restoreEntry('scaled', entry, version);
    t.equal((await entries('scaled'))['redis-0'], 'a', 'although the map had changed');
    const again = (await provisioning.removeEntry('scaled', entry)) ?? '';
    await record('scaled', { 'redis-0': 'new' });
    await provisioning.restoreEntry('scaled', entry, again);
    t.equal((await entries('scaled'))['redis-0'], 'new', 'what the pod wrote is kept');
    t.equal(await provisioning.podExists('scaled', 'redis-0'), true);
    t.equal(await provisioning.podExists('scaled', 'redis-9'), false);
  },
);

t.test('pull secrets: the list is ours while we want some, then the user’s', async (t) => {
  const first = start(t, { imagePullSecrets: ['registry'] });
  const secrets = async (expected: string) =>
    until(`pull secrets: ${expected}`, WAIT_MS, async () => {
      const list: { name: string }[] = (await read(paths('scaled').account))?.imagePullSecrets ?? [];
      return list.map(({ name }) => name).join() === expected;
    });
  const add = (name: string) =>
    api.request('PATCH', paths('scaled').account, { imagePullSecrets: [{ name }] }, MERGE);
  await secrets('registry');
  await add('users');
  await secrets('registry');
  await first.stop();
  start(t);
  await secrets('');
  await add('users');
  await silence();
  await secrets('users');
  t.pass();
});

t.test(
  'a pod that comes before its account is refused and made as soon as the account is there',
  async (t) => {
    start(t);
    await createNamespace('early', false);
    await until('the controller manager is through', WAIT_MS, () =>
      read('/api/v1/namespaces/early/serviceaccounts/default'),
    );
    const pod = {
      metadata: { name: 'early' },
      spec: { serviceAccountName: OURS, containers: [{ name: 'a', image: 'a' }] },
    };
    await t.rejects(
      api.request('POST', '/api/v1/namespaces/early/pods', pod),
      /serviceaccount .{0,2}redis-ip-updater.{0,2} not found/,
    );
    await createSet('early', 'redis', { account: OURS, replicas: 2 });
    await until('the controller is refused', WAIT_MS, async () => {
      const { items } = await api.request('GET', '/api/v1/namespaces/early/events');
      return items.some(({ reason }: { reason: string }) => reason === 'FailedCreate');
    });
    await label('early', 'enabled');
    await until('both pods', WAIT_MS, async () => (await podCount('early')) === 2);
    t.pass();
  },
);

t.test('opting out leaves the objects and repairs them no more', async (t) => {
  start(t);
  await silence();
  await label('race-9', null);
  await delay(1_000);
  t.ok(await isComplete('race-9'));
  const before = await silence();
  await api.request('DELETE', paths('race-9').role);
  t.equal(await silence(), before);
  t.notOk(await isComplete('race-9'));
});

t.test('a namespace that is being deleted is left alone', async (t) => {
  const { failures } = start(t);
  await createNamespace('leaving');
  await complete('leaving');
  await api.request('DELETE', '/api/v1/namespaces/leaving');
  await until('it is gone', 60_000, async () => !(await read('/api/v1/namespaces/leaving')));
  t.ok(failures.count <= 1, `${failures.count} failures`);
});

t.test('watches that break off and expire are taken up again', async (t) => {
  const { lines } = start(t);
  await silence();
  await plane.restartApiServer();
  await createNamespace('after-restart');
  await api.request('DELETE', paths('race-1').binding);
  await until('the new namespace', 60_000, () => isComplete('after-restart'));
  await until('the drift', 60_000, () => isComplete('race-1'));
  t.comment(`${lines.filter(({ msg }) => /trying again/.test(msg)).length} interruptions logged`);
  await plane.stopApiServer();
  await delay(2_000);
  await plane.startApiServer();
  await createNamespace('after-outage');
  await until('the next one', 60_000, () => isComplete('after-outage'));
  t.pass();
});

t.test('300 namespaces at start', async (t) => {
  const names = Array.from({ length: 300 }, (_, index) => `many-${index}`);
  for (let at = 0; at < names.length; at += 20)
    await Promise.all(names.slice(at, at + 20).map((name) => createNamespace(name)));
  const startedAt = performance.now();
  const { provisioned, failures } = start(t);
  const optedIn = await api.request('GET', `/api/v1/namespaces?labelSelector=${OPT_IN}`);
  // All but the one with the foreign role.
  await until('all are provisioned', 120_000, () => provisioned() === optedIn.items.length - 1);
  const seconds = (performance.now() - startedAt) / 1000;
  t.comment(`300 namespaces in ${seconds.toFixed(1)} s`);
  for (const name of names) if (!(await isComplete(name))) t.fail(`${name} was missed`);
  t.equal(failures.count, 0);
  const before = await silence();
  await delay(3_000);
  t.equal(writes().length, before);
});
