/** The product as the chart installs it on a real cluster, and pods to create there. */
import type { Test } from 'tap';
import { INIT_CONTAINER, PROJECT, SERVICE_ACCOUNT, WEBHOOK_SERVICE } from '../../../src/names.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { until } from '../kubernetes/until.ts';
import { installChart, startStage } from '../stage.ts';
import type { Outcome } from './steady-load.ts';

/** The API server waits longer than the chart has it wait, or this would tell how busy the machine is. */
const SETTINGS = ['webhook.timeoutSeconds=30'];

/** So that nobody waits for days. A third of a certificate's life is left when it is renewed. */
const ENVIRONMENT = [
  'SERVING_LIFETIME_SECONDS=45',
  'CERTIFICATE_SETTLE_SECONDS=5',
  'CERTIFICATE_CHECK_SECONDS=1',
];

const SHOP = 'shop';

/** A cluster that ends with the test, and what creates a labelled pod of a labelled StatefulSet on it by dry run. */
export async function openShop(t: Test): Promise<{ cluster: Cluster; createPod(): Promise<Outcome> }> {
  const { cluster, ...stage } = await startStage(t, { install });
  await stage.optIn(SHOP);
  // Of itself it makes no pods: all that are created are those of the load.
  await stage.createRedis({ namespace: SHOP, replicas: 0 });
  const { api } = cluster;
  await until('the namespace is provisioned', 60_000, () =>
    api.request('GET', `/api/v1/namespaces/${SHOP}/serviceaccounts/${SERVICE_ACCOUNT}`).catch(() => false),
  );
  const pod = podOf(await api.request('GET', `/apis/apps/v1/namespaces/${SHOP}/statefulsets/redis`));
  const createPod = () =>
    api.request('POST', `/api/v1/namespaces/${SHOP}/pods?dryRun=All`, pod).then(outcomeOf, outcomeOfError);
  return { cluster, createPod };
}

async function install(cluster: Cluster): Promise<void> {
  await installChart(cluster, SETTINGS);
  const deployment = ['--namespace', PROJECT, `deployment/${WEBHOOK_SERVICE}`];
  await cluster.kubectl(['set', 'env', ...deployment, ...ENVIRONMENT]);
  await cluster.kubectl(['rollout', 'status', ...deployment, '--timeout=300s']);
}

type StatefulSet = {
  metadata: { name: string; uid: string };
  spec: { template: { metadata: { labels: object }; spec: object } };
};

/** The first pod, as its controller makes it. */
function podOf({ metadata: { name, uid }, spec: { template } }: StatefulSet): object {
  return {
    metadata: {
      name: `${name}-0`,
      labels: template.metadata.labels,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name, uid, controller: true }],
    },
    spec: {
      ...template.spec,
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `data-${name}-0` } }],
    },
  };
}

function outcomeOf(created: { spec: { initContainers?: { name: string }[] } }): Outcome {
  const isInjected = created.spec.initContainers?.some(({ name }) => name === INIT_CONTAINER);
  return isInjected
    ? { kind: 'injected' }
    : { kind: 'failed', message: 'created without the init container' };
}

/** With the API server's own sentence, where it answered. */
function outcomeOfError({ message }: Error): Outcome {
  const [, sentence] = /"message":("(?:[^"\\]|\\.)*")/.exec(message) ?? [];
  return { kind: 'failed', message: sentence ? JSON.parse(sentence) : message };
}
