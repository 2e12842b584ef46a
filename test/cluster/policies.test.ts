/** Namespaces and pods with rules of their own: what they forbid, and that we keep within it. */
import t, { type Test } from 'tap';
import { INIT_CONTAINER, NAMESPACE_LABEL, NAMESPACE_LABEL_VALUE } from '../../src/names.ts';
import { until } from './kubernetes/until.ts';
import type { StatefulSet } from './redis-objects.ts';
import { assertRestart } from './restart.ts';
import { type Stage, startStage } from './stage.ts';

const KEYS = 1000;
const REPLICAS = 6;
const CPU_MILLICORES = 100;
const MEMORY_MIB = 64;
const EACH = { cpu: `${CPU_MILLICORES}m`, memory: `${MEMORY_MIB}Mi` };
const ALL = { cpu: `${REPLICAS * CPU_MILLICORES}m`, memory: `${REPLICAS * MEMORY_MIB}Mi` };
const OWN_ACCOUNT = 'redis-own';

t.test('policies', async (t) => {
  const stage = await startStage(t);

  await t.test(
    'restricted pods, a quota without room to spare, limits as they are, Guaranteed',
    async (t) => {
      const namespace = 'strict';
      await stage.createNamespace(namespace, {
        [NAMESPACE_LABEL]: NAMESPACE_LABEL_VALUE,
        'pod-security.kubernetes.io/enforce': 'restricted',
      });
      await stage.apply(resourceQuota(namespace), limitRange(namespace));
      const redis = await stage.createRedis({ namespace, replicas: REPLICAS, mutate: strict });
      await redis.form({ keys: KEYS });
      await assertRestart(t, redis, 'restricted, quota, LimitRange, Guaranteed', { keys: KEYS });
      for (const { metadata, spec, status } of await pods(stage, namespace)) {
        t.match(spec.initContainers, [{ name: INIT_CONTAINER, resources: { limits: EACH, requests: EACH } }]);
        t.equal(status.qosClass, 'Guaranteed', `${metadata.name} is Guaranteed`);
      }
      const { status } = await stage.cluster.api.request('GET', quotaPath(namespace));
      t.same(status.used, status.hard, 'the quota is used to the full, as it was without us');
    },
  );

  await t.test('an account of its own, whose token is not mounted', async (t) => {
    const namespace = 'own-account';
    await stage.optIn(namespace);
    await stage.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: OWN_ACCOUNT, namespace },
      automountServiceAccountToken: false,
    });
    const redis = await stage.createRedis({ namespace, replicas: REPLICAS, mutate: withOwnAccount });
    await redis.form({ keys: KEYS });
    await assertRestart(t, redis, 'own account without a token', { keys: KEYS });
    for (const { metadata, spec } of await pods(stage, namespace)) {
      t.equal(spec.serviceAccountName, OWN_ACCOUNT, `${metadata.name} keeps its account`);
      const paths = (mounts: { mountPath: string }[]) => mounts.map(({ mountPath }) => mountPath);
      t.same(paths(spec.containers[0].volumeMounts), ['/data'], 'its redis has no token');
    }
    await assertEgressDenied(t, stage, namespace);
  });
});

/**
 * No policy engine runs here: packets of one address to the API server are dropped, as one that denies egress
 * does. The pod is the injected container as it is, beside the cluster, with less patience.
 */
async function assertEgressDenied(t: Test, stage: Stage, namespace: string): Promise<void> {
  const address = '10.244.0.200';
  await stage.cluster.runInNetwork([
    ...['iptables', '-I', 'INPUT', '-s', address, '-p', 'tcp', '--dport', '6443', '-j', 'DROP'],
  ]);
  const [injected] = await pods(stage, namespace);
  const [updater] = injected.spec.initContainers;
  stage.cluster.allocateNext(address);
  const startedAt = Date.now();
  await stage.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'denied', namespace },
    spec: {
      restartPolicy: 'Never',
      serviceAccountName: OWN_ACCOUNT,
      securityContext: injected.spec.securityContext,
      containers: [{ ...updater, env: [...updater.env, { name: 'DEADLINE_SECONDS', value: '10' }] }],
      volumes: injected.spec.volumes,
    },
  });
  const { podIP, state } = await until('the updater gives up', 60_000, async () => {
    const { status } = await stage.cluster.api.request('GET', `/api/v1/namespaces/${namespace}/pods/denied`);
    const terminated = status.containerStatuses?.[0]?.state.terminated;
    return terminated && { podIP: status.podIP, state: terminated };
  });
  t.equal(podIP, address);
  t.comment(`egress denied: ${state.exitCode} after ${Date.now() - startedAt} ms: ${state.message}`);
  t.equal(state.exitCode, 69);
  t.match(state.message, /could not be brought up to date: .*network policy that denies egress to the API/);
}

function quotaPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/resourcequotas/exactly`;
}

/** With such a quota the API server refuses pods of which a container has no limits. */
function resourceQuota(namespace: string): object {
  const hard = {
    pods: String(REPLICAS),
    'requests.cpu': ALL.cpu,
    'limits.cpu': ALL.cpu,
    'requests.memory': ALL.memory,
    'limits.memory': ALL.memory,
  };
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'exactly', namespace },
    spec: { hard },
  };
}

function limitRange(namespace: string): object {
  const limits = [
    { type: 'Container', max: EACH, min: EACH },
    { type: 'Pod', max: EACH },
  ];
  return { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits', namespace }, spec: { limits } };
}

function strict(set: StatefulSet): StatefulSet {
  const [redis] = set.spec.template.spec.containers;
  redis.resources = { requests: EACH, limits: EACH };
  redis.securityContext = {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  };
  return set;
}

function withOwnAccount(set: StatefulSet): StatefulSet {
  const { spec } = set.spec.template;
  spec.serviceAccountName = OWN_ACCOUNT;
  spec.automountServiceAccountToken = false;
  return set;
}

// biome-ignore lint/suspicious/noExplicitAny: pods, of which a test reads what it knows of
async function pods(stage: Stage, namespace: string): Promise<any[]> {
  const { items } = await stage.cluster.api.request('GET', `/api/v1/namespaces/${namespace}/pods`);
  return items;
}
