/**
 * When it is all down: the line that the README has for it, by the real kubectl, on a real API server whose
 * StatefulSet controller waits for a webhook that nobody serves.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import t from 'tap';
import { INIT_CONTAINER, PROJECT } from '../../../src/names.ts';
import { binaries } from '../../cluster/kubernetes/build.ts';
import { run } from '../../cluster/kubernetes/command.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { template } from '../../deploy/helm.ts';
import { objectsOf } from '../../deploy/objects.ts';
import { get, isReady, startStage, WAIT_MS } from './stage.ts';

const EXAMPLE = 'redis-example';
const PODS = ['redis-0', 'redis-1', 'redis-2', 'redis-3', 'redis-4', 'redis-5'];

const stage = await startStage(t);
const { plane, api } = stage;
await stage.install(objectsOf(await template('--skip-tests')));
const startWebhook = async () => {
  const replica = await stage.start({ NAMESPACE: PROJECT });
  await stage.leadTo(replica.port);
  await until('the webhook is ready', WAIT_MS, () => isReady(replica));
  // API servers hear of a changed webhook configuration a moment later.
  await until('the API server calls it', WAIT_MS, async () => {
    await stage.createPod().catch(() => {});
    return /^redis_ip_updater_admission_requests_total\{.*\} [1-9]/m.test(await get(replica, '/metrics'));
  });
  return replica;
};
let webhook = await startWebhook();
const stopWebhook = async () => {
  webhook.child.kill('SIGTERM');
  await once(webhook.child, 'close');
};

t.test('while it is up, pods are injected', async (t) => {
  await plane.kubectl(['apply', '--filename', 'deploy/examples/redis.yaml']);
  for (const pod of PODS) t.equal(await isInjected(pod), true, pod);
});

t.test('down: deleted pods are not made again', async (t) => {
  await stopWebhook();
  await deletePods('redis-0', 'redis-1');
  t.match(await refusal('redis-0'), /Pod redis-0 in StatefulSet redis failed/);
  t.same(await podNames(), PODS.slice(2));
});

t.test('the line of the README: they are made, without us', async (t) => {
  const line = lineOfReadme();
  t.comment(line);
  t.match(await asUser(line), /mutatingwebhookconfiguration\S+ patched/);
  t.equal(await isInjected('redis-0'), false);
  t.equal(await isInjected('redis-1'), false);
});

t.test('the way back: up again, `Fail` again, and what started meanwhile is restarted', async (t) => {
  webhook = await startWebhook();
  const line = lineOfReadme();
  const back = line.replace('"Ignore"', '"Fail"');
  t.not(back, line);
  t.match(await asUser(back), /mutatingwebhookconfiguration\S+ patched/);
  await deletePods('redis-0', 'redis-1');
  t.equal(await isInjected('redis-0'), true);
  t.equal(await isInjected('redis-1'), true);

  await stopWebhook();
  await until('`Fail` is in force', WAIT_MS, () =>
    stage.createPod().then(
      () => false,
      () => true,
    ),
  );
  await deletePods('redis-2');
  await until('the next one has to wait again', WAIT_MS, async () => !(await podNames()).includes('redis-2'));
  t.match(await refusal('redis-2'), /Pod redis-2 in StatefulSet redis failed/);
});

/** The one line of the section about it, as its reader copies it. */
function lineOfReadme(): string {
  const [, section = ''] =
    /^### The webhook is down\n([\s\S]*?)^##/m.exec(readFileSync('README.md', 'utf8')) ?? [];
  const [line = '', ...others] = [...section.matchAll(/^```sh\n(.*\n)```$/gm)].map(([, block = '']) => block);
  if (line === '' || others.length > 0) throw new Error(`not one line in: ${section}`);
  return line;
}

/** In a shell, with kubectl on the PATH. */
async function asUser(line: string): Promise<string> {
  const path = [await binaries('v1.36'), process.env.PATH].join(delimiter);
  return run(['sh', '-c', line], { env: { PATH: path, KUBECONFIG: plane.kubeconfig } });
}

async function deletePods(...pods: string[]): Promise<void> {
  await plane.kubectl(['delete', 'pods', ...pods, '--namespace', EXAMPLE]);
}

type Pod = { metadata: { name: string }; spec: { initContainers?: { name: string }[] } };

/** Waits for the pod. */
async function isInjected(name: string): Promise<boolean> {
  const path = `/api/v1/namespaces/${EXAMPLE}/pods/${name}`;
  const { spec }: Pod = await until(`${name} is made`, WAIT_MS, () =>
    api.request('GET', path).catch(() => false),
  );
  return (spec.initContainers ?? []).some((container) => container.name === INIT_CONTAINER);
}

async function podNames(): Promise<string[]> {
  const { items } = await api.request('GET', `/api/v1/namespaces/${EXAMPLE}/pods`);
  return items.map(({ metadata }: Pod) => metadata.name).sort();
}

/** What the StatefulSet's events say about a pod that it could not make since nobody answers for the webhook. */
async function refusal(pod: string): Promise<string> {
  type Event = { reason: string; message: string };
  const about = `/api/v1/namespaces/${EXAMPLE}/events?fieldSelector=involvedObject.name%3Dredis`;
  return until(`an event says why ${pod} is not made`, WAIT_MS, async () => {
    const { items } = await api.request('GET', about);
    // Before its account was made it could not be made either.
    const said = items.find(
      ({ reason, message }: Event) =>
        reason === 'FailedCreate' &&
        message.includes(pod) &&
        message.includes('failed calling webhook "inject.redis-ip-updater.io"'),
    );
    return said?.message;
  });
}
