/** All that a user does, on a cluster of Redis that is there already: one file applied, two labels, one command. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { INJECTED_LABEL, NODES_CONFIG_MAP } from '../../src/names.ts';
import { productTags } from './images/product.ts';
import type { Cluster } from './kubernetes/cluster.ts';
import type { StatefulSet } from './redis-objects.ts';
import { assertRestart } from './restart.ts';
import { startStage } from './stage.ts';

const KEYS = 1000;
const MANIFESTS = 'deploy/install.yaml';

t.test('kubectl apply, two labels and a rolling restart', async (t) => {
  const stage = await startStage(t, { install: nameImagesAsReleased });
  const { kubectl } = stage.cluster;
  await stage.createNamespace('shop');
  const redis = await stage.createRedis({ namespace: 'shop', replicas: 6, mutate: withoutLabels });
  await redis.form({ keys: KEYS });

  await kubectl(['apply', '--filename', MANIFESTS]);
  await kubectl(['label', 'namespace', 'shop', 'redis-ip-updater.io/injection=enabled']);
  await kubectl(['-n', 'shop', 'label', 'statefulset', 'redis', 'redis-ip-updater.io/inject=true']);
  // At once: until the webhook answers, pods that are to be made wait.
  await assertRestart(t, redis, 'the rolling restart', {
    keys: KEYS,
    how: async () => {
      const since = Date.now();
      await kubectl(['-n', 'shop', 'rollout', 'restart', 'statefulset', 'redis']);
      return since;
    },
  });

  const injected = await kubectl([
    '-n',
    'shop',
    'get',
    'pods',
    `--selector=${INJECTED_LABEL}=true`,
    '-o=name',
  ]);
  t.equal(injected.trim().split('\n').length, 6, 'every pod is injected');
  const map = await kubectl([
    '-n',
    'shop',
    'get',
    'configmap',
    NODES_CONFIG_MAP,
    '--output=jsonpath={.data}',
  ]);
  t.same(Object.keys(JSON.parse(map)).sort(), redis.pods, 'and has recorded its node id');
  await assertRestart(t, redis, 'all pods at once', { keys: KEYS });
});

/** The manifests name images as a release would. */
async function nameImagesAsReleased(cluster: Cluster): Promise<void> {
  const [, version] = /image: redis-ip-updater-webhook:(\S+)/.exec(readFileSync(MANIFESTS, 'utf8')) ?? [];
  for (const [target, name] of [
    ['webhook', 'redis-ip-updater-webhook'],
    ['updater', 'redis-ip-updater'],
  ] as const)
    await cluster.tagImage(productTags[target], `docker.io/library/${name}:${version}`);
}

function withoutLabels(statefulSet: StatefulSet): StatefulSet {
  const { labels: _, ...metadata } = statefulSet.metadata;
  return { ...statefulSet, metadata };
}
