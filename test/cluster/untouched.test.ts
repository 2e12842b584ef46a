/** What stays as it is: pods that are none of ours, and pods of ours while the webhook is away or gone for good. */
import t, { type Test } from 'tap';
import { INIT_CONTAINER, INJECT_LABEL, PROJECT, WEBHOOK_SERVICE } from '../../src/names.ts';
import { clusterNodes, eventAbout } from './hands.ts';
import { imageTags } from './images/stand-ins.ts';
import { until } from './kubernetes/until.ts';
import type { StatefulSet } from './redis-objects.ts';
import type { RedisPods } from './redis-pods.ts';
import { assertRestart } from './restart.ts';
import { type Stage, startStage } from './stage.ts';

const KEYS = 1000;
const SHOP = 'shop';
const ELSEWHERE = 'elsewhere';
const idle = { image: imageTags.pause, imagePullPolicy: 'Never' };

t.test('the webhook, there, away and gone', async (t) => {
  const stage = await startStage(t);
  await stage.optIn(SHOP);
  await stage.createNamespace(ELSEWHERE);
  const redis = await stage.createRedis({ namespace: SHOP, replicas: 6 });
  await redis.form({ keys: KEYS });
  await assertRestart(t, redis, 'the first restart', { keys: KEYS });

  await t.test('a labelled StatefulSet without a redis container', async (t) => {
    await stage.apply(statefulSet('idle', twoIdleContainers));
    const said = await eventAbout(stage, SHOP, 'idle', /denied the request/);
    t.comment(`no redis container: ${said}`);
    t.match(
      said,
      /none of the pod's containers looks like redis, valkey or keydb: name it in the annotation/,
    );
    await stage.cluster.kubectl(['delete', 'statefulset/idle', '--namespace', SHOP]);
  });

  await t.test('pods that are none of ours', (t) => assertUntouched(t, stage, 'while it is there', 'there'));

  await t.test('away: labelled pods wait, all others do not', async (t) => {
    await scaleWebhook(stage, 0);
    const since = await redis.deletePods(['redis-0', 'redis-4']);
    const said = await eventAbout(stage, SHOP, 'redis', /failed calling webhook/);
    t.comment(`webhook absent: ${said.slice(0, 200)}`);
    await assertUntouched(t, stage, 'while it is away', 'away');
    const running = redis.pods.filter((pod) => redis.ready().has(pod));
    t.same(running, ['redis-1', 'redis-2', 'redis-3', 'redis-5'], 'the two pods are not made');
    await scaleWebhook(stage, 2);
    const back = Date.now();
    const readyAt = await redis.waitReady({ since, restarted: ['redis-0', 'redis-4'] });
    t.comment(`webhook back: the pods that waited are ready ${((readyAt - back) / 1000).toFixed(1)} s later`);
    t.equal(await injected(stage, SHOP, 'redis-0'), true, 'injected as ever');
    await redis.settle();
    t.equal(await redis.countIntactKeys(KEYS), KEYS);
  });

  await t.test('opted out: the pods start without us from then on', async (t) => {
    const label = ['label', '--overwrite', 'statefulset/redis', '--namespace', SHOP];
    await stage.cluster.kubectl([...label, `${INJECT_LABEL}=false`]);
    await redis.waitReady({ since: await redis.deletePods(['redis-5']), restarted: ['redis-5'] });
    t.equal(await injected(stage, SHOP, 'redis-5'), false);
    const [own] = (await clusterNodes(stage, redis.addresses()[5] ?? '')).filter(({ flags }) =>
      flags.includes('myself'),
    );
    t.not(own?.ip, redis.addresses()[5], 'its line about itself is as redis alone leaves it: of the past');
    await stage.cluster.kubectl([...label, `${INJECT_LABEL}=true`]);
    await redis.waitReady({ since: await redis.deletePods(['redis-5']), restarted: ['redis-5'] });
    t.equal(await injected(stage, SHOP, 'redis-5'), true);
    await redis.settle();
  });

  await t.test('gone: running pods run on, and survive a reboot of their node', async (t) => {
    const before = await identities(stage, redis);
    await stage.helm('uninstall', PROJECT, '--wait');
    t.same(await identities(stage, redis), before, 'nothing was restarted');
    t.same(await redis.health(), { topology: [], replication: [] });
    await assertRestart(t, redis, 'uninstalled: node reboot', {
      keys: KEYS,
      how: async () => {
        const since = Date.now();
        await stage.cluster.rebootNode();
        return since;
      },
    });
    t.same(
      (await identities(stage, redis)).map(([uid]) => uid),
      before.map(([uid]) => uid),
      'the same pods',
    );
  });
});

/** Pods of every kind that is left alone start at once, without an init container. */
async function assertUntouched(t: Test, stage: Stage, when: string, suffix: string): Promise<void> {
  const labelled = `labelled-${suffix}`;
  const refused = `refused-${suffix}`;
  const bare = `bare-${suffix}`;
  await stage.apply(
    { ...statefulSet(labelled), metadata: { ...statefulSet(labelled).metadata, namespace: ELSEWHERE } },
    statefulSet(refused, (set) => {
      set.spec.template.metadata.labels[INJECT_LABEL] = 'false';
      return set;
    }),
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: bare, namespace: SHOP, labels: { [INJECT_LABEL]: 'true' } },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'redis', ...idle }] },
    },
  );
  for (const [namespace, pod, what] of [
    [ELSEWHERE, `${labelled}-0`, 'in a namespace that has not opted in'],
    [SHOP, `${refused}-0`, 'labelled "false"'],
    [SHOP, bare, 'of no StatefulSet'],
  ] as const) {
    await until(`${pod} runs`, 30_000, () => stage.podEvents(namespace).some(runs(pod)));
    t.equal(await injected(stage, namespace, pod), false, `${what}: runs untouched ${when}`);
  }
}

const runs =
  (pod: string) =>
  ({ object }: { object: StatefulSet }) =>
    object.metadata?.name === pod && object.status?.phase === 'Running';

async function injected(stage: Stage, namespace: string, pod: string): Promise<boolean> {
  const { spec } = await stage.cluster.api.request('GET', `/api/v1/namespaces/${namespace}/pods/${pod}`);
  return (spec.initContainers ?? []).some(({ name }: { name: string }) => name === INIT_CONTAINER);
}

/** Uid and restarts of every pod of the cluster. */
async function identities({ cluster }: Stage, { pods, namespace }: RedisPods): Promise<[string, number][]> {
  const { items } = await cluster.api.request('GET', `/api/v1/namespaces/${namespace}/pods`);
  const all = new Map<string, StatefulSet>(items.map((pod: StatefulSet) => [pod.metadata.name, pod]));
  return pods.map((name) => {
    const { metadata, status } = all.get(name);
    return [metadata.uid, status.containerStatuses[0].restartCount];
  });
}

async function scaleWebhook({ cluster }: Stage, replicas: number): Promise<void> {
  const deployment = `deployment/${WEBHOOK_SERVICE}`;
  await cluster.kubectl(['scale', deployment, '--namespace', PROJECT, `--replicas=${replicas}`]);
  const selector = ['--namespace', PROJECT, '--output=name'];
  if (replicas === 0) {
    await until(
      'no webhook runs',
      30_000,
      async () => !(await cluster.kubectl(['get', 'pods', ...selector])),
    );
  } else await cluster.kubectl(['rollout', 'status', deployment, '--namespace', PROJECT, '--timeout=60s']);
}

function twoIdleContainers(set: StatefulSet): StatefulSet {
  set.spec.template.spec.containers = [
    { name: 'one', ...idle },
    { name: 'two', ...idle },
  ];
  return set;
}

function statefulSet(name: string, mutate = (set: StatefulSet) => set): StatefulSet {
  return mutate({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name, namespace: SHOP, labels: { [INJECT_LABEL]: 'true' } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'redis', ...idle }] },
      },
    },
  });
}
