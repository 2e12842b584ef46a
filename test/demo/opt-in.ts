/** What a user does once to protect a cluster: two labels and a rolling restart. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  INJECT_LABEL,
  INJECTED_LABEL,
  NAMESPACE_LABEL,
  NAMESPACE_LABEL_VALUE,
  NODES_CONFIG_MAP,
  SERVICE_ACCOUNT,
} from '../../src/names.ts';
import type { ConfigMap } from '../support/kubernetes-api/objects.ts';
import { pathOf, resources } from '../support/kubernetes-api/resources.ts';
import { REDIS } from './manifests.ts';
import { type RedisCluster, START_TIMEOUT_MS } from './redis-cluster.ts';
import type { Stage } from './stage.ts';

const PROVISION_TIMEOUT_MS = 10_000;

/** Labels namespace and StatefulSet and restarts pod after pod, until every pod has recorded itself in the map. */
export async function optIn(stage: Stage, cluster: RedisCluster): Promise<void> {
  const { client, timeline, readiness } = stage;
  const { namespace } = cluster;
  await optInNamespace(stage, namespace);
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

/** Labels a namespace, and waits for what the webhook makes in it. */
export async function optInNamespace(stage: Stage, namespace: string): Promise<void> {
  const { client, timeline } = stage;
  timeline.say(`kubectl label namespace ${namespace} ${NAMESPACE_LABEL}=${NAMESPACE_LABEL_VALUE}`);
  await client.merge(pathOf(resources.namespaces, '', namespace), {
    metadata: { labels: { [NAMESPACE_LABEL]: NAMESPACE_LABEL_VALUE } },
  });
  await provisioned(stage, namespace);
}

/** Waits until the webhook has answered the label. Who does not wait has pods refused for a moment, and retried. */
async function provisioned({ client, timeline }: Stage, namespace: string): Promise<void> {
  const paths = [
    pathOf(resources.serviceaccounts, namespace, SERVICE_ACCOUNT),
    pathOf(resources.roles, namespace, SERVICE_ACCOUNT),
    pathOf(resources.rolebindings, namespace, SERVICE_ACCOUNT),
    pathOf(resources.configmaps, namespace, NODES_CONFIG_MAP),
  ];
  const labelledAtMs = performance.now();
  for (const path of paths) {
    while ((await client.ask('GET', path)).code !== 200) {
      if (performance.now() - labelledAtMs > PROVISION_TIMEOUT_MS)
        throw new Error(`the webhook has not made ${path}`);
      await delay(50);
    }
  }
  timeline.say('the webhook made the ServiceAccount, Role, RoleBinding and ConfigMap of the namespace');
}

/** @throws if a pod was not injected, or has not recorded itself */
export async function checkInjection({ client, timeline }: Stage, cluster: RedisCluster): Promise<void> {
  const pods = await cluster.listPods();
  const injected = pods.filter(({ metadata }) => metadata.labels?.[INJECTED_LABEL] === 'true').length;
  const path = pathOf(resources.configmaps, cluster.namespace, NODES_CONFIG_MAP);
  const { data = {} } = await client.get<ConfigMap>(path);
  const recorded = Object.keys(data).length;
  timeline.say(`the webhook put the updater into ${injected} pods; ${recorded} node ids are in the map`);
  if (injected !== pods.length || recorded !== pods.length)
    throw new Error(`not every one of ${pods.length} pods was injected and recorded`);
}
