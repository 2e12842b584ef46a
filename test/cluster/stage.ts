/** A real cluster with the product installed by its chart, on which many scenarios play, each in its own namespace. */
import type { Test } from 'tap';
import { CHART } from '../../deploy/generate.ts';
import { NAMESPACE_LABEL, NAMESPACE_LABEL_VALUE, PROJECT, SERVICE_ACCOUNT } from '../../src/names.ts';
import { helmOn } from '../deploy/helm.ts';
import { productImage } from './images/product.ts';
import { redisImage } from './images/stand-ins.ts';
import { type AuditEvent, auditEvents, METADATA_AUDIT_POLICY } from './kubernetes/audit.ts';
import { type Cluster, type ClusterOptions, startCluster } from './kubernetes/cluster.ts';
import { TEST_LABEL } from './kubernetes/existing-cluster.ts';
import { recordWatch, type WatchEvent } from './kubernetes/watch.ts';
import { type RedisOptions, redisObjects } from './redis-objects.ts';
import { RedisPods } from './redis-pods.ts';
import type { ServerVersion } from './servers/debian-servers.ts';
import { serverArchive } from './servers/server-images.ts';

export type StageOptions = ClusterOptions & {
  /** Other servers than this machine's own redis. */
  servers?: ServerVersion[];
  /** More docker-archives to load. */
  archives?: string[];
  /** Makes the product work on that cluster, which has its images; as deploy/README.md says for helm without it. */
  install?: (cluster: Cluster) => Promise<unknown>;
};

export type Stage = {
  cluster: Cluster;
  helm(...args: string[]): Promise<string>;
  /** Makes a namespace with these labels. */
  createNamespace(name: string, labels?: Record<string, string>): Promise<void>;
  /** Makes a namespace that has opted in. */
  optIn(name: string): Promise<void>;
  /** Makes volumes and a StatefulSet, labelled for injection, in a namespace that is there; does not wait. */
  createRedis(options: RedisOptions): Promise<RedisPods>;
  /** Applies objects as the admin. */
  apply(...objects: object[]): Promise<void>;
  /** What happened to the pods of a namespace of `createNamespace`: the array grows. */
  podEvents(namespace: string): readonly WatchEvent[];
  /** Requests that the updaters of a namespace sent since then, by pod name; none without an audit log. */
  auditRequests(namespace: string, since?: number): Map<string, AuditEvent[]>;
};

/** Boots, loads images and installs; everything ends with the test. */
export async function startStage(t: Test, options: StageOptions = {}): Promise<Stage> {
  const {
    servers = [],
    archives = [],
    install = (cluster) => installChart(cluster),
    ...clusterOptions
  } = options;
  const images = [
    await productImage('webhook'),
    await productImage('updater'),
    await redisImage(),
    ...archives,
  ];
  for (const version of servers) images.push(await serverArchive(version));
  const cluster = await startCluster({ auditPolicy: METADATA_AUDIT_POLICY, ...clusterOptions });
  t.teardown(() => cluster.stop());
  for (const archive of images) await cluster.loadImage(archive);
  await install(cluster);
  return onCluster(t, cluster);
}

/** As deploy/README.md tells a user, with more settings of the chart. */
export async function installChart(cluster: Cluster, more = ['webhook.drainSeconds=1']): Promise<void> {
  const settings = [
    'image.registry=localhost',
    'image.webhook.tag=test',
    'image.updater.tag=test',
    'image.pullPolicy=Never',
    ...more,
  ];
  const install = ['install', PROJECT, CHART, '--wait', '--timeout=120s', '--set', settings.join()];
  await helmOn(cluster, ...install, '--namespace', PROJECT, '--create-namespace');
}

function onCluster(t: Test, cluster: Cluster): Stage {
  const watched = new Map<string, readonly WatchEvent[]>();
  const apply = async (...items: object[]) => {
    const list = { apiVersion: 'v1', kind: 'List', items };
    await cluster.kubectl(['apply', '--filename=-'], JSON.stringify(list));
  };
  const stage: Stage = {
    cluster,
    apply,
    helm: (...args) => helmOn(cluster, ...args, '--namespace', PROJECT),
    async createNamespace(name, labels = {}) {
      await apply({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { ...labels, [TEST_LABEL]: '' } },
      });
      const watch = recordWatch(cluster, `/api/v1/namespaces/${name}/pods`);
      t.teardown(watch.end);
      watched.set(name, watch.events);
    },
    optIn: (name) => stage.createNamespace(name, { [NAMESPACE_LABEL]: NAMESPACE_LABEL_VALUE }),
    async createRedis(redis) {
      await apply(...redisObjects(redis, cluster));
      return new RedisPods(stage, redis.namespace, [redis]);
    },
    podEvents: (namespace) => watched.get(namespace) ?? [],
    auditRequests: (namespace, since = 0) => requestsByPod(cluster.auditLog, namespace, since),
  };
  return stage;
}

/** The API server notes of which pod a token is. */
const POD_NAME = 'authentication.kubernetes.io/pod-name';
type WithExtra = { user: { extra?: Record<string, string[]> } };

function requestsByPod(auditLog: string | undefined, namespace: string, since: number) {
  if (auditLog === undefined) return new Map<string, AuditEvent[]>();
  const events = auditEvents(auditLog, `system:serviceaccount:${namespace}:${SERVICE_ACCOUNT}`);
  const recent = events.filter(({ requestReceivedTimestamp: at }) => Date.parse(at) >= since);
  return Map.groupBy(recent, ({ user }) => (user as WithExtra['user']).extra?.[POD_NAME]?.[0] ?? 'unknown');
}
