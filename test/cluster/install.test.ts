/** The images and the chart on a real kubelet: installed, serving the API server, removed. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CHART } from '../../deploy/generate.ts';
import { PROJECT, WEBHOOK_SERVICE } from '../../src/names.ts';
import { helmOn } from '../deploy/helm.ts';
import { productImage, productTags } from './images/product.ts';
import { startCluster } from './kubernetes/cluster.ts';
import { requirePackages } from './kubernetes/packages.ts';
import { until } from './kubernetes/until.ts';

const IMAGES = ['image.registry=localhost', 'image.webhook.tag=test', 'image.updater.tag=test'];

t.test('from helm install to helm uninstall', async (t) => {
  await requirePackages();
  const archives = [await productImage('webhook'), await productImage('updater')];
  const cluster = await startCluster();
  t.teardown(() => cluster.stop());
  for (const archive of archives) await cluster.loadImage(archive);
  const helm = (...args: string[]) => helmOn(cluster, ...args, '--namespace', PROJECT);

  await t.test('installs into a namespace that admits restricted pods only', async (t) => {
    await cluster.kubectl(['create', 'namespace', PROJECT]);
    await cluster.kubectl(['label', 'namespace', PROJECT, 'pod-security.kubernetes.io/enforce=restricted']);
    const settings = [...IMAGES, 'image.pullPolicy=Never', 'webhook.drainSeconds=1'].join();
    const install = ['install', PROJECT, CHART, '--wait', '--timeout=60s', '--set', settings];
    t.match(await helm(...install), /STATUS: deployed/);

    const path = `/apis/apps/v1/namespaces/${PROJECT}/deployments/${WEBHOOK_SERVICE}`;
    const { status } = await cluster.api.request('GET', path);
    t.match(status, { readyReplicas: 2, updatedReplicas: 2 });
  });

  await t.test('helm test', async (t) => {
    t.match(
      await helm('test', PROJECT, '--logs'),
      /Phase: +Succeeded[\s\S]*answers, with a certificate for its name/,
    );
  });

  await t.test('two labels, and the pod is injected and has what it needs', async (t) => {
    await cluster.kubectl(['create', 'namespace', 'shop']);
    await cluster.kubectl(['label', 'namespace', 'shop', 'redis-ip-updater.io/injection=enabled']);
    const data = join(cluster.directory, 'redis-data');
    mkdirSync(data);
    await cluster.kubectl(['create', '--namespace=shop', '--filename=-'], JSON.stringify(statefulSet(data)));
    const pod = await until('the pod is there', 20_000, () =>
      cluster.api.request('GET', '/api/v1/namespaces/shop/pods/redis-0').catch(() => false),
    );
    t.match(pod.spec.initContainers, [
      { name: 'redis-ip-updater', image: productTags.updater, imagePullPolicy: 'Never' },
    ]);
    const finished = '--for=jsonpath={.status.initContainerStatuses[0].state.terminated.exitCode}=0';
    await cluster.kubectl(['wait', 'pod/redis-0', '--namespace=shop', finished, '--timeout=60s']);
    t.pass('the updater runs, on a read-only root as the user of redis, and lets a new node start');
  });

  await t.test('the updater alone says what it misses', async (t) => {
    await cluster.kubectl(['create', '--filename=-'], JSON.stringify(updaterPod()));
    const done = '--for=jsonpath={.status.containerStatuses[0].state.terminated.exitCode}=64';
    await cluster.kubectl(['wait', 'pod/alone', done, '--timeout=60s']);
    t.match(await cluster.kubectl(['logs', 'alone']), /POD_NAME|NODES_CONF/);
  });

  await t.test('uninstall leaves nothing of the chart', async (t) => {
    await helm('uninstall', PROJECT, '--wait');
    const kinds = 'mutatingwebhookconfigurations,clusterroles,clusterrolebindings';
    t.notMatch(await cluster.kubectl(['get', kinds, '--output=name']), PROJECT);
    const own = 'deployments,services,serviceaccounts,poddisruptionbudgets,networkpolicies';
    t.notMatch(await cluster.kubectl(['get', own, '--namespace', PROJECT, '--output=name']), WEBHOOK_SERVICE);
  });
});

const RESTRICTED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** A StatefulSet as far as admission looks at it: what it runs is no Redis. */
function statefulSet(data: string): object {
  const labels = { app: 'redis' };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'redis', labels: { 'redis-ip-updater.io/inject': 'true' } },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          securityContext: { runAsUser: 999, runAsNonRoot: true, fsGroup: 999 },
          containers: [
            {
              name: 'redis',
              image: 'localhost/pause:test',
              imagePullPolicy: 'Never',
              securityContext: RESTRICTED,
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ],
          volumes: [{ name: 'data', hostPath: { path: data, type: 'Directory' } }],
        },
      },
    },
  };
}

function updaterPod(): object {
  const container = { name: 'updater', image: productTags.updater, imagePullPolicy: 'Never' };
  const securityContext = { ...RESTRICTED, runAsUser: 1001, runAsNonRoot: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'alone' },
    spec: { restartPolicy: 'Never', containers: [{ ...container, securityContext }] },
  };
}
