/** The updater and then bitnami's entrypoint, on one volume, where pods have swapped their IPs. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../cluster/kubernetes/command.ts';
import { startKubernetesApi } from '../support/kubernetes-api/server.ts';
import { provision, runUpdater, type Scene, scene } from './updater-program.ts';

const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(40));
const before = ['10.0.0.1', '10.0.0.2', '10.0.0.11'];
/** A rotation: the IP of each is the one that another had. */
const now = ['10.0.0.2', '10.0.0.11', '10.0.0.1'];
const hosts = ['redis-0.redis-headless', 'redis-1.redis-headless', 'redis-2.redis-headless'];

const fileWith = (ips: string[]) =>
  `${[
    `${ids[0]} ${ips[0]}:6379@16379 myself,master - 0 0 1 connected 0-16383`,
    `${ids[1]} ${ips[1]}:6379@16379 slave ${ids[0]} 0 0 1 connected`,
    `${ids[2]} ${ips[2]}:6379@16379 slave ${ids[0]} 0 0 1 connected`,
    'vars currentEpoch 6 lastVoteEpoch 0',
  ].join('\n')}\n`;
const listWith = (ips: string[]) =>
  `declare -A host_2_ip_array=(${hosts.map((host, index) => `["${host}"]="${ips[index]}"`).join(' ')} )\n`;

for (const replacement of ['marked', 'delimited', 'plain']) {
  t.test(`swapped IPs, bitnami's replacement ${replacement}`, async (t) => {
    const { stage, read } = await setUp(t);
    const { code, nodesConf } = await runUpdater(stage);
    t.same([code, nodesConf], [0, fileWith(now)]);

    copyFileSync(join(stage.directory, 'data/nodes.conf'), join(stage.directory, 'nodes.conf'));
    await entrypoint(stage, replacement);
    t.equal(read('nodes.conf'), fileWith(now), 'what we wrote stays');
    for (const [index, host] of hosts.entries()) {
      t.match(
        read('nodes.sh'),
        new RegExp(`\\[${`"?${host}"?`}\\]="${now[index]}"`),
        'the list is as of now',
      );
    }

    copyFileSync(join(stage.directory, 'nodes.conf'), join(stage.directory, 'data/nodes.conf'));
    copyFileSync(
      join(stage.directory, 'data/nodes.sh.redis-ip-updater.bak'),
      join(stage.directory, 'data/nodes.sh'),
    );
    await entrypoint(stage, replacement);
    t.not(read('nodes.conf'), fileWith(now), 'with the list that we emptied, the entrypoint harms the file');
  });
}

t.test('DNS that still says the old IPs harms nothing', async (t) => {
  const { stage, read } = await setUp(t);
  await runUpdater(stage);
  await entrypoint(stage, 'marked', before);
  t.equal(read('nodes.conf'), fileWith(now));
});

t.test('a list that bash wrote', async (t) => {
  const { stage, read } = await setUp(t);
  await entrypoint(stage, 'marked', before);
  t.equal(read('nodes.conf'), fileWith(before), 'nothing has moved yet');
  await runUpdater(stage);
  t.equal(read('nodes.sh'), 'declare -A host_2_ip_array=()\n');
});

t.test('another nodes.sh is nobody of ours, a dry run and a start without the API touch none', async (t) => {
  const { stage, read, write } = await setUp(t);
  await runUpdater(stage, '--dry-run');
  t.equal(read('nodes.sh'), listWith(before));
  const env = { ...stage.env, KUBERNETES_SERVICE_PORT: '1', DEADLINE_SECONDS: '1', ON_FAILURE: 'continue' };
  t.equal((await runUpdater({ ...stage, env })).code, 0);
  t.equal(read('nodes.sh'), listWith(before), 'where peers are not looked up, the entrypoint may do so');
  write('nodes.sh', '#!/bin/sh\necho host_2_ip_array\n');
  t.equal((await runUpdater(stage)).code, 0);
  t.equal(read('nodes.sh'), '#!/bin/sh\necho host_2_ip_array\n');
});

t.test('a list that cannot be replaced is said, and redis starts', async (t) => {
  const { stage, read } = await setUp(t);
  await run(['rm', join(stage.directory, 'data/nodes.sh')]);
  await run(['mkdir', join(stage.directory, 'data/nodes.sh')]);
  const { code, logs } = await runUpdater(stage);
  t.equal(code, 0);
  t.equal(read('nodes.conf'), fileWith(now));
  t.match(
    logs.find(({ level }) => level === 'warn'),
    { msg: /the list beside nodes.conf stays/, error: /cannot be read/ },
  );
});

async function setUp(t: Test) {
  const api = await startKubernetesApi();
  const map = Object.fromEntries(ids.map((id, index) => [`redis-${index}`, id]));
  const admin = await provision(api, now.map(pod), map);
  t.teardown(async () => {
    admin.close();
    await api.close();
  });
  const stage = await scene(api, t.testdir(), { nodesConf: fileWith(before), mounted: map });
  stage.env = { ...stage.env, POD_IP: now[0] as string, POD_IPS: now[0] as string };
  const inData = (name: string) => join(stage.directory, 'data', name);
  const write = (name: string, text: string) => writeFileSync(inData(name), text);
  write('nodes.sh', listWith(before));
  return { stage, write, read: (name: string) => readFileSync(inData(name), 'utf8') };
}

/** The entrypoint, for which `ips` are what DNS says. */
async function entrypoint({ directory }: Scene, replacement: string, ips = now): Promise<void> {
  const names = join(directory, 'names');
  const cases = hosts.map((host, index) => `${host}) echo ${ips[index]} ;;`).join(' ');
  writeFileSync(names, `case $1 in ${cases} esac\n`);
  await run(['bash', 'test/cluster/bitnami/entrypoint.sh', 'true'], {
    env: {
      REDIS_DATA_DIR: join(directory, 'data'),
      REDIS_NODES: hosts.join(' '),
      LOOKUP: `sh ${names}`,
      REPLACEMENT: replacement,
    },
  });
}

function pod(podIP: string, index: number): object {
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'redis', uid: 'u', controller: true };
  return {
    metadata: {
      name: `redis-${index}`,
      labels: { 'redis-ip-updater.io/injected': 'true' },
      ownerReferences: [owner],
    },
    status: { phase: 'Pending', podIP, podIPs: [{ ip: podIP }] },
  };
}
