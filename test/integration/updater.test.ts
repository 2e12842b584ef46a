import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startKubernetesApi } from '../support/kubernetes-api/server.ts';
import { ApiError } from '../support/kubernetes-api/status.ts';
import { NAMESPACE, provision, runUpdater, scene } from './updater-program.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);
const nodesConf = [
  `${A} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383`,
  `${B} 10.0.0.2:6379@16379 slave,fail ${A} 0 0 1 connected`,
  `${C} 10.0.0.3:6379@16379 slave ${A} 0 0 1 connected`,
  'vars currentEpoch 6 lastVoteEpoch 0\n',
].join('\n');
const full = { 'redis-0': A, 'redis-1': B, 'redis-2': C };

const pod = (name: string, podIP?: string) => ({
  metadata: {
    name,
    labels: { 'redis-ip-updater.io/injected': 'true' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'redis', uid: 'u', controller: true },
    ],
  },
  status: { phase: 'Pending', ...(podIP && { podIP, podIPs: [{ ip: podIP }] }) },
});
const pods = [pod('redis-0', '10.0.9.0'), pod('redis-1', '10.0.9.1'), pod('redis-2')];

type Stage = {
  data?: Record<string, string>;
  mounted?: Record<string, string>;
  nodesConf?: string;
  pods?: object[];
};

/** A namespace, redis-0's volumes, and its updater's environment, all gone after the test. */
async function setUp(t: Test, stage: Stage = {}) {
  const api = await startKubernetesApi();
  const admin = await provision(api, stage.pods ?? pods, stage.data ?? full);
  t.teardown(async () => {
    admin.close();
    await api.close();
  });
  const { env, directory } = await scene(api, t.testdir(), {
    nodesConf: 'nodesConf' in stage ? stage.nodesConf : nodesConf,
    mounted: stage.mounted ?? stage.data ?? full,
  });
  const map = async () =>
    (await admin.get<{ data?: object }>(`/api/v1/namespaces/${NAMESPACE}/configmaps/redis-ip-updater-nodes`))
      .data;
  const requests = () =>
    api.audit
      .filter(({ pod, user }) => pod || user.includes('serviceaccount'))
      .map(({ verb, resource }) => `${verb} ${resource}`);
  return { api, admin, env, directory, map, requests };
}

t.test('a normal restart: one list, the file rewritten, a line for each peer', async (t) => {
  const stage = await setUp(t);
  const { code, logs, nodesConf: now } = await runUpdater(stage);
  t.equal(code, 0);
  t.equal(
    now,
    nodesConf
      .replace('10.0.0.1', '10.0.9.0')
      .replace('10.0.0.2:6379@16379 slave,fail', '10.0.9.1:6379@16379 slave')
      .replace('10.0.0.3', '192.0.2.1'),
  );
  t.same(stage.requests(), ['list pods']);
  t.match(logs, [
    { level: 'info', msg: 'self', id: A, from: '10.0.0.1', ip: '10.0.9.0' },
    { level: 'info', msg: 'fresh', id: B, from: '10.0.0.2', ip: '10.0.9.1', pod: 'redis-1' },
    {
      level: 'info',
      msg: 'parked',
      id: C,
      from: '10.0.0.3',
      ip: '192.0.2.1',
      pod: 'redis-2',
      reason: 'not-live',
    },
    { level: 'info', msg: 'nodes.conf rewritten', lines: 3 },
  ]);
  t.same(readdirSync(join(stage.directory, 'data')).sort(), [
    'nodes.conf',
    'nodes.conf.redis-ip-updater.bak',
  ]);

  const again = await runUpdater(stage);
  t.equal(again.code, 0);
  t.equal(again.nodesConf, now);
  t.match(again.logs.at(-1), { msg: 'nodes.conf is up to date' });
});

t.test('the first restart records the id, and lists once more', async (t) => {
  const stage = await setUp(t, { data: { 'redis-1': B, 'redis-2': C }, mounted: {} });
  const { code } = await runUpdater(stage);
  t.equal(code, 0);
  t.same(stage.requests(), ['list pods', 'get configmaps', 'patch configmaps', 'list pods']);
  t.same(await stage.map(), full);
});

t.test('--dry-run prints the change and makes none', async (t) => {
  const stage = await setUp(t, { data: {}, mounted: {} });
  const leftover = 'nodes.conf.redis-ip-updater.tmp';
  writeFileSync(join(stage.directory, 'data', leftover), 'of an interrupted run');
  const { code, stdout, nodesConf: now } = await runUpdater(stage, '--dry-run');
  t.equal(code, 0);
  t.equal(now, nodesConf);
  t.match(
    stdout,
    `@@ line 1 @@\n-${A} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383\n+${A} 10.0.9.0:`,
  );
  t.same(readdirSync(join(stage.directory, 'data')).sort(), ['nodes.conf', leftover]);
  t.same(await stage.map(), {});
});

/** Runs the updater and wants exactly one sentence, the code, and the file as it was. */
async function refuses(t: Test, stage: Awaited<ReturnType<typeof setUp>>, wanted: number, sentence: RegExp) {
  const before = readdirSync(join(stage.directory, 'data'));
  const { code, logs, nodesConf: now } = await runUpdater(stage);
  t.equal(code, wanted);
  const errors = logs.filter(({ level }) => level === 'error');
  t.equal(errors.length, 1);
  t.match(errors[0]?.msg, sentence);
  t.notMatch(errors[0]?.msg, /\n| {4}at /, 'one sentence, no stack');
  t.same(readdirSync(join(stage.directory, 'data')), before, 'nothing is left beside the file');
  return now;
}

t.test('a bad file is refused with 65 and left as it is, whatever the API says', async (t) => {
  const bad: Record<string, [content: string, sentence: RegExp]> = {
    cut: [nodesConf.slice(0, 150), /nodes\.conf line 2 is cut: .* was left as it is\. Restore it/],
    'without myself': [nodesConf.replace('myself,', ''), /has no line with the flag myself/],
    'two-myself': [
      nodesConf.replace('slave,fail', 'myself,slave'),
      /has 2 lines with the flag myself: a{40}, b{40}/,
    ],
    foreign: ['REDIS0011\xfa\tredis-ver\x057.0.15', /line 1 has a control character in it/],
    'a newline': ['\n', /has no line with the flag myself/],
  };
  for (const [name, [content, sentence]] of Object.entries(bad)) {
    await t.test(name, async (t) => {
      const stage = await setUp(t, { nodesConf: content });
      t.equal(await refuses(t, stage, 65, sentence), content);
      t.same(stage.requests(), []);
    });
  }
});

t.test('no file or an empty one, but an id is recorded: refused with the way out', async (t) => {
  const wayOut = new RegExp(
    `node id ${A} is recorded for pod redis-0: its volume was lost.*kubectl -n shop patch configmap redis-ip-updater-nodes --type merge -p '{"data":{"redis-0":null}}'.*on-lost-volume: start`,
  );
  t.equal(await refuses(t, await setUp(t, { nodesConf: undefined }), 65, wayOut), null);
  t.equal(await refuses(t, await setUp(t, { nodesConf: '' }), 65, wayOut), '');
  t.equal(
    await refuses(t, await setUp(t, { nodesConf: undefined, mounted: {} }), 65, wayOut),
    null,
    'the mount is late',
  );
});

t.test('the way out, followed: a new node starts', async (t) => {
  const stage = await setUp(t, { nodesConf: undefined, data: full });
  await stage.admin.merge(`/api/v1/namespaces/${NAMESPACE}/configmaps/redis-ip-updater-nodes`, {
    data: { 'redis-0': null },
  });
  t.equal((await runUpdater(stage)).code, 0, 'also while the mount still shows the entry');
  const accepted = await setUp(t, { nodesConf: undefined });
  const { code, logs } = await runUpdater({ ...accepted, env: { ...accepted.env, ON_LOST_VOLUME: 'start' } });
  t.equal(code, 0);
  t.match(logs, [{ level: 'warn', lostId: A }]);
  t.same(
    await accepted.map(),
    { 'redis-1': B, 'redis-2': C },
    'nobody takes the new server for the lost one',
  );
});

t.test('no file and nothing recorded: a new node', async (t) => {
  for (const content of [undefined, '']) {
    const stage = await setUp(t, { nodesConf: content, data: {} });
    const { code, nodesConf: now } = await runUpdater(stage);
    t.equal(code, 0);
    t.equal(now, content ?? null);
  }
});

t.test('no file, but one elsewhere on the volume: refused, with its path and the annotation', async (t) => {
  const stage = await setUp(t, { nodesConf: undefined, data: {} });
  mkdirSync(join(stage.directory, 'data/sub'));
  writeFileSync(join(stage.directory, 'data/sub/node.conf'), nodesConf);
  await refuses(
    t,
    stage,
    65,
    /but .*\/data\/sub\/node\.conf on the same volume is a nodes\.conf: set the annotation redis-ip-updater\.io\/nodes-conf/,
  );
});

t.test('our id recorded for another pod: refused, and the map is as it was', async (t) => {
  const sentence = new RegExp(
    `node id ${A} of .* in pod redis-0 is recorded for pod redis-7, .*"redis-7":null`,
  );
  const cloned = { 'redis-1': B, 'redis-2': C, 'redis-7': A };
  const seen = await setUp(t, { data: cloned });
  t.equal(await refuses(t, seen, 65, sentence), nodesConf);
  t.same(seen.requests(), ['get configmaps']);
  const late = await setUp(t, { data: cloned, mounted: {} });
  t.equal(await refuses(t, late, 65, sentence), nodesConf);
  t.same(late.requests(), ['list pods', 'get configmaps'], 'a late mount is no reason to write');
  t.same(await late.map(), cloned);
});

t.test('a missing environment value is named, with 64', async (t) => {
  const stage = await setUp(t);
  for (const name of ['POD_NAME', 'POD_NAMESPACE', 'POD_IP', 'NODES_CONF', 'KUBERNETES_SERVICE_HOST']) {
    const { [name]: _, ...env } = stage.env;
    const now = await refuses(
      t,
      { ...stage, env },
      64,
      new RegExp(`environment variable ${name} is not set`),
    );
    t.equal(now, nodesConf);
  }
});

t.test('an API that cannot be reached: 69 with the likely causes', async (t) => {
  const stage = await setUp(t);
  const env = { ...stage.env, KUBERNETES_SERVICE_PORT: '9', DEADLINE_SECONDS: '1' };
  t.equal(await refuses(t, { ...stage, env }, 69, /ECONNREFUSED.*network policy/), nodesConf);
});

t.test('an API whose certificate is not trusted: 69', async (t) => {
  const stage = await setUp(t);
  const other = await startKubernetesApi();
  t.teardown(() => other.close());
  writeFileSync(join(stage.directory, 'token/ca.crt'), other.ca);
  const env = { ...stage.env, DEADLINE_SECONDS: '1' };
  t.equal(await refuses(t, { ...stage, env }, 69, /certificate/), nodesConf);
});

t.test('an API that refuses: 77 with the binding to check', async (t) => {
  const stage = await setUp(t);
  await stage.admin.delete(
    `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings/redis-ip-updater`,
  );
  const env = { ...stage.env, DEADLINE_SECONDS: '1' };
  t.equal(await refuses(t, { ...stage, env }, 77, /status 403 .*RoleBinding redis-ip-updater/), nodesConf);
});

t.test('no ConfigMap yet: 69 that says who makes it', async (t) => {
  const stage = await setUp(t, { mounted: {} });
  await stage.admin.delete(`/api/v1/namespaces/${NAMESPACE}/configmaps/redis-ip-updater-nodes`);
  const env = { ...stage.env, DEADLINE_SECONDS: '1' };
  t.equal(await refuses(t, { ...stage, env }, 69, /ConfigMap redis-ip-updater-nodes is missing/), nodesConf);
});

t.test(
  'a map that takes no entry: 69 with the way out, and only for a pod that has one to write',
  async (t) => {
    const immutable = new ApiError(
      422,
      'Invalid',
      'data: Forbidden: field is immutable when `immutable` is set',
    );
    const refuseWrites = ({ api }: Awaited<ReturnType<typeof setUp>>) =>
      api.intercept(({ verb }) => (verb === 'patch' ? immutable : undefined));
    const first = await setUp(t, { data: { 'redis-1': B, 'redis-2': C } });
    refuseWrites(first);
    const env = { ...first.env, DEADLINE_SECONDS: '2' };
    const sentence =
      /status 422 \(data: Forbidden.*redis-ip-updater-nodes takes no entry: if it is immutable, delete it/;
    t.equal(await refuses(t, { ...first, env }, 69, sentence), nodesConf);
    const recorded = await setUp(t);
    refuseWrites(recorded);
    t.equal((await runUpdater(recorded)).code, 0);
  },
);

t.test('our IP never shown: 69 that says so', async (t) => {
  const stage = await setUp(t, { pods: [pod('redis-0', '10.0.0.1'), pod('redis-1', '10.0.9.1')] });
  const env = { ...stage.env, DEADLINE_SECONDS: '1' };
  t.equal(
    await refuses(t, { ...stage, env }, 69, /does not show the IP 10\.0\.9\.0 of pod redis-0/),
    nodesConf,
  );
});

t.test('on-failure: continue starts with our own line corrected, but never over a refusal', async (t) => {
  const stage = await setUp(t);
  const env = { ...stage.env, KUBERNETES_SERVICE_PORT: '9', DEADLINE_SECONDS: '1', ON_FAILURE: 'continue' };
  const { code, nodesConf: now, logs } = await runUpdater({ ...stage, env });
  t.equal(code, 0);
  t.equal(now, nodesConf.replace('10.0.0.1', '10.0.9.0'));
  t.match(
    logs.find(({ level, msg }) => level === 'warn' && /on-failure: continue/.test(msg)),
    {},
  );
  const lost = await setUp(t, { nodesConf: undefined });
  await refuses(
    t,
    {
      ...lost,
      env: { ...lost.env, KUBERNETES_SERVICE_PORT: '9', DEADLINE_SECONDS: '1', ON_FAILURE: 'continue' },
    },
    69,
    /ECONNREFUSED/,
  );
});

t.test('on-failure: continue with swapped addresses: nobody is written at what is ours now', async (t) => {
  const stage = await setUp(t, { nodesConf: nodesConf.replace('10.0.0.3', '10.0.9.0') });
  const env = { ...stage.env, KUBERNETES_SERVICE_PORT: '9', DEADLINE_SECONDS: '1', ON_FAILURE: 'continue' };
  const { code, nodesConf: now } = await runUpdater({ ...stage, env });
  t.equal(code, 0);
  t.equal(now, nodesConf.replace('10.0.0.1', '10.0.9.0').replace('10.0.0.3', '192.0.2.1'));
});

t.test(
  'our own master in a pod that is not injected: parked, and said; a line of nodes.txt lets it be',
  async (t) => {
    const replica = nodesConf
      .replace('myself,master -', `myself,slave ${B}`)
      .replace(`slave,fail ${A}`, 'master -');
    const { labels, ...metadata } = pod('redis-1').metadata;
    const master = { ...pod('redis-1', '10.0.9.1'), metadata };
    const setting = { nodesConf: replica, pods: [pod('redis-0', '10.0.9.0'), master, pod('redis-2')] };
    const become = (ip: string) =>
      replica.replace('10.0.0.1', '10.0.9.0').replace('10.0.0.2', ip).replace('10.0.0.3', '192.0.2.1');

    const { code, nodesConf: now, logs } = await runUpdater(await setUp(t, setting));
    t.equal(code, 0);
    t.equal(now, become('192.0.2.1'));
    t.match(
      logs.find(({ id }) => id === B),
      { level: 'warn', msg: 'parked', pod: 'redis-1', reason: 'master-not-injected' },
    );
    const named = await runUpdater(
      await setUp(t, { ...setting, data: { ...full, 'nodes.txt': `${B} redis-1` } }),
    );
    t.equal(named.nodesConf, become('10.0.9.1'));
  },
);

t.test('refusals that pass are waited for', async (t) => {
  const stage = await setUp(t);
  const answers = [403, 429, 500, 503, 504].map((code) => new ApiError(code, 'Later', 'not now'));
  stage.api.intercept(() => answers.shift());
  const env = { ...stage.env, DEADLINE_SECONDS: '20' };
  const { code, logs } = await runUpdater({ ...stage, env });
  t.equal(code, 0);
  t.match(logs[0], { level: 'warn', error: /GET \/api\/v1\/namespaces\/shop\/pods: status 403 \(not now\)/ });
});

t.test(
  'what only the mount says is no reason to refuse while the API is silent and we may wait',
  async (t) => {
    const cloned = { 'redis-1': B, 'redis-2': C, 'redis-7': A };
    const stage = await setUp(t, { data: cloned });
    const silent = { ...stage.env, KUBERNETES_SERVICE_PORT: '9', DEADLINE_SECONDS: '1' };
    await refuses(t, { ...stage, env: silent }, 69, /ECONNREFUSED/);
    await refuses(
      t,
      { ...stage, env: { ...silent, ON_FAILURE: 'continue' } },
      65,
      /recorded for pod redis-7/,
    );
  },
);

t.test(
  'an entry made by hand: the sentence names the line, not a command that would do nothing',
  async (t) => {
    const byHand = { 'nodes.txt': `# by hand\n${A} redis-7\n` };
    const wayOut =
      /remove the other entry: line 2 of nodes\.txt in the ConfigMap redis-ip-updater-nodes of namespace shop/;
    await refuses(t, await setUp(t, { data: byHand }), 65, wayOut);
  },
);

t.test('a terminated updater ends at once', async (t) => {
  const stage = await setUp(t);
  const env = { ...stage.env, KUBERNETES_SERVICE_PORT: '9', DEADLINE_SECONDS: '60' };
  const { code, nodesConf: now } = await runUpdater({ ...stage, env, terminateOn: /trying again/ });
  t.equal(code, 143);
  t.equal(now, nodesConf);
});
