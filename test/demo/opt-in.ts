/** What a user does once to protect a cluster: two labels and a rolling restart. */
import {
  INJECT_LABEL,
  INJECTED_LABEL,
  NAMESPACE_LABEL,
  NAMESPACE_LABEL_VALUE,
  NODES_CONFIG_MAP,
} from '../../src/names.ts';
import type { ConfigMap } from '../support/kubernetes-api/objects.ts';
import { pathOf, resourceOf, resources } from '../support/kubernetes-api/resources.ts';
import { provisionedObjects, REDIS } from './manifests.ts';
import { type RedisCluster, START_TIMEOUT_MS } from './redis-cluster.ts';
import type { Stage } from './stage.ts';

/** Labels namespace and StatefulSet and restarts pod after pod, until every pod has recorded itself in the map. */
export async function optIn(stage: Stage, cluster: RedisCluster): Promise<void> {
  const { client, timeline, readiness } = stage;
  const { namespace } = cluster;
  timeline.say(`kubectl label namespace ${namespace} ${NAMESPACE_LABEL}=${NAMESPACE_LABEL_VALUE}`);
  await client.merge(pathOf(resources.namespaces, '', namespace), {
    metadata: { labels: { [NAMESPACE_LABEL]: NAMESPACE_LABEL_VALUE } },
  });
  // In a real cluster the webhook's reconciler answers the label with these.
  for (const object of provisionedObjects(namespace)) {
    const resource = resourceOf(object);
    if (resource) await client.create(pathOf(resource, namespace), object);
  }
  timeline.say(`kubectl label statefulset ${REDIS} ${INJECT_LABEL}=true, and kubectl rollout restart`);
  const restartedAtMs = performance.now();
  await client.merge(pathOf(resources.statefulsets, namespace, REDIS), {
    metadata: { labels: { [INJECT_LABEL]: 'true' } },
    spec: {
      template: {
        metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() } },
      },
    },
  });
  await readiness.lastReady(cluster.pods, restartedAtMs, START_TIMEOUT_MS);
  await checkInjection(stage, cluster);
  const stop = timeline.during(() => 'waiting until the cluster has settled after the rolling restart');
  await cluster.settle();
  stop();
}

async function checkInjection({ client, timeline }: Stage, cluster: RedisCluster): Promise<void> {
  const pods = await cluster.listPods();
  const injected = pods.filter(({ metadata }) => metadata.labels?.[INJECTED_LABEL] === 'true').length;
  const path = pathOf(resources.configmaps, cluster.namespace, NODES_CONFIG_MAP);
  const { data = {} } = await client.get<ConfigMap>(path);
  const recorded = Object.keys(data).length;
  timeline.say(`the webhook put the updater into ${injected} pods; ${recorded} node ids are in the map`);
  if (injected !== pods.length || recorded !== pods.length)
    throw new Error(`not every one of ${pods.length} pods was injected and recorded`);
}
