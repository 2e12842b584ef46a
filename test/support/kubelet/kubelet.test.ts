import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Pod } from '../kubernetes-api/objects.ts';
import { isReady } from '../statefulset-steps.ts';
import { startTestCluster } from './test-cluster.ts';

const { api, client, kubelet, create, until, remove } = await startTestCluster(t);

const claim = { name: 'data', persistentVolumeClaim: { claimName: 'claim' } };
const mount = { name: 'data', mountPath: '/data' };
const podIp = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
const claimed = (file: string) => join(kubelet.claimDirectory('test', 'claim'), file);

/** A server that answers PING as redis does, at its pod's address. */
const PORT = 6379;
const SERVER = `require('net').createServer((s) => s.on('data', () => s.write('+PONG\\r\\n'))).listen(${PORT}, process.env.POD_IP)`;
const server = {
  name: 'server',
  image: 'node',
  args: [SERVER],
  env: [podIp],
  ports: [{ containerPort: PORT }],
};
/** Without a port it is ready as soon as it runs, and it starts sooner than a Node. */
const idle = { name: 'idle', image: 'sh', args: ['exec sleep 1000'] };
/** Writes what it is given to a file of the volume. */
const write = (file: string, expression: string) => ({
  name: 'init',
  image: 'node',
  args: [`require('fs').writeFileSync(process.env.FILE, JSON.stringify(${expression}))`],
  env: [{ name: 'FILE', value: `/data/${file}` }, podIp],
  volumeMounts: [mount],
});

t.test(
  'a pod shows its address before its init containers run, and is ready when it answers PING',
  async (t) => {
    await create('whole', {
      initContainers: [write('address', 'process.env.POD_IP')],
      containers: [server],
      volumes: [claim],
    });
    const addressed = await until('whole', ({ status }) => status?.podIP);
    t.match(addressed.status, {
      podIPs: [{ ip: addressed.status?.podIP }],
      startTime: /Z$/,
      hostIP: '127.0.0.1',
    });
    const { status } = await until('whole', isReady);
    t.match(status, {
      phase: 'Running',
      initContainerStatuses: [{ name: 'init', state: { terminated: { exitCode: 0, reason: 'Completed' } } }],
      containerStatuses: [
        { name: 'server', ready: true, restartCount: 0, state: { running: { startedAt: /Z$/ } } },
      ],
    });
    t.equal(readFileSync(claimed('address'), 'utf8'), JSON.stringify(status?.podIP));
    await remove('whole');
  },
);

t.test('with a command as its probe it is ready when that succeeds', async (t) => {
  const ready = claimed('ready');
  const readinessProbe = { exec: { command: ['test', '-e', ready] } };
  await create('probed', { containers: [{ ...idle, readinessProbe }], volumes: [claim] });
  const running = await until('probed', ({ status }) => status?.containerStatuses?.[0]?.state?.running);
  t.notOk(isReady(running));
  writeFileSync(ready, '');
  await until('probed', isReady);
  await remove('probed');
});

t.test('the environment is what the spec says, with $(NAME) and mount paths resolved', async (t) => {
  const init = {
    ...write('env', 'process.env'),
    env: [
      { name: 'FILE', value: '/data/env' },
      { name: 'NAMED', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'LABELLED', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'EXPANDED', value: '$(NAMED) $$(NAMED) $(UNKNOWN)' },
      { name: 'BELOW', value: '/data/sub/file' },
      { name: 'BESIDE', value: '/database' },
    ],
  };
  await create('environment', { initContainers: [init], containers: [idle], volumes: [claim] });
  await until('environment', isReady);
  const env = JSON.parse(readFileSync(claimed('env'), 'utf8'));
  const data = kubelet.claimDirectory('test', 'claim');
  t.match(env, {
    NAMED: 'environment',
    LABELLED: '',
    EXPANDED: 'environment $(NAMED) $(UNKNOWN)',
    BELOW: `${data}/sub/file`,
    BESIDE: '/database',
    HOSTNAME: 'environment',
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String(api.port),
  });
  t.notOk('HOME' in env, 'nothing of our own environment but PATH');
  await remove('environment');
});

t.test('an init container that fails is run again, and the status says why', async (t) => {
  const failing = {
    name: 'init',
    image: 'sh',
    args: ['[ -e $GO ] || { echo no way; exit 65; }'],
    env: [{ name: 'GO', value: '/data/go' }],
    volumeMounts: [mount],
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
  await create('failing', {
    initContainers: [failing, { ...write('go-on', '1'), name: 'next' }],
    containers: [idle],
    volumes: [claim],
  });
  const { status } = await until('failing', ({ status }) => status?.initContainerStatuses?.[0]?.restartCount);
  t.match(status, { phase: 'Pending', initContainerStatuses: [{ restartCount: 1 }] });
  t.match(status?.initContainerStatuses?.[0]?.lastState.terminated, {
    exitCode: 65,
    reason: 'Error',
    message: 'no way',
  });
  t.notOk(existsSync(claimed('go-on')), 'the next one waits');
  await create('helper', { initContainers: [write('go', '1')], containers: [idle], volumes: [claim] });
  await until('failing', isReady);
  await remove('failing');
  await remove('helper');
});

t.test('volumes: ConfigMaps as of the start, tokens that work, subPath', async (t) => {
  const read = `{ map: ls(process.env.MAP), token: ls(process.env.TOKEN) }`;
  const init = {
    ...write('volumes', read),
    env: [
      { name: 'FILE', value: '/data/volumes' },
      { name: 'MAP', value: '/map' },
      { name: 'TOKEN', value: '/token' },
    ],
    volumeMounts: [
      { ...mount, subPath: 'below' },
      { name: 'map', mountPath: '/map' },
      { name: 'token', mountPath: '/token' },
    ],
  };
  const fs =
    "const fs = require('fs'); const ls = (d) => Object.fromEntries(fs.readdirSync(d).map((f) => [f, fs.readFileSync(d + '/' + f, 'utf8')]));";
  init.args = [`${fs} ${init.args[0]}`];
  const volumes = [
    claim,
    { name: 'map', configMap: { name: 'map', optional: true } },
    {
      name: 'token',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        ],
      },
    },
  ];
  const run = async (name: string) => {
    await create(name, { initContainers: [init], containers: [idle], volumes });
    await until(name, isReady);
    await remove(name);
    return JSON.parse(readFileSync(claimed('below/volumes'), 'utf8'));
  };
  const path = '/api/v1/namespaces/test/configmaps';
  t.same((await run('without-map')).map, {}, 'optional');
  const old = await client.create<Pod>(path, { metadata: { name: 'map' }, data: { key: 'old' } });
  const first = await run('with-map');
  t.same(first.map, { key: 'old' });
  t.equal(first.token['ca.crt'], api.ca);
  t.match(first.token.token, /./);
  await client.merge(`${path}/map`, { data: { key: 'new' } });
  t.same((await run('with-new-map')).map, { key: 'new' });
  kubelet.freeze('test', old);
  t.same((await run('with-stale-map')).map, { key: 'old' });
});

t.test('every start has a new address; a pinned one is waited for', async (t) => {
  const start = async (name: string) => {
    await create(name, { containers: [idle] });
    return (await until(name, isReady)).status?.podIP ?? '';
  };
  const first = await start('a');
  await remove('a');
  const second = await start('a');
  t.not(second, first);
  kubelet.pin('test/b', second);
  await create('b', { containers: [idle] });
  const blocked = await until('b', ({ spec }) => spec.nodeName);
  t.notOk(blocked.status?.podIP, 'still in use');
  await remove('a');
  t.equal((await until('b', isReady)).status?.podIP, second);
  await remove('b');
});

t.test('a held pod starts when it is released', async (t) => {
  kubelet.hold('test/held');
  await create('held', { containers: [idle] });
  const { status } = await until('held', ({ spec }) => spec.nodeName);
  t.notOk(status?.podIP);
  kubelet.release('test/held');
  await until('held', isReady);
  await remove('held');
});

t.test('a process that ignores SIGTERM is killed after the grace period', async (t) => {
  const args = [`process.on('SIGTERM', () => 0); ${SERVER}`];
  await create('stubborn', { containers: [{ ...server, args }], terminationGracePeriodSeconds: 1 });
  await until('stubborn', isReady);
  const startedAt = performance.now();
  await remove('stubborn');
  t.ok(performance.now() - startedAt >= 990);
});

t.test('after a reboot the same pod shows its old address until it has a new one', async (t) => {
  await create('rebooted', { containers: [idle] });
  const before = await until('rebooted', isReady);
  kubelet.hold('test/rebooted');
  await kubelet.reboot('test');
  const during = await until('rebooted', () => true);
  t.same(during.status, before.status, 'nobody told the API');
  kubelet.release('test/rebooted');
  const after = await until('rebooted', (pod) => isReady(pod) && pod.status?.podIP !== before.status?.podIP);
  t.equal(after.metadata.uid, before.metadata.uid);
  t.match(after.status, {
    startTime: before.status?.startTime ?? '',
    containerStatuses: [{ restartCount: 1 }],
  });
  await remove('rebooted');
});
