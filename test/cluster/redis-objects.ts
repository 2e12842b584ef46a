/** What a user applies to get a Redis Cluster: volumes and a StatefulSet; nothing in it knows how we work. */
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { INJECT_LABEL } from '../../src/names.ts';
import { imageTags } from './images/stand-ins.ts';
import type { Cluster } from './kubernetes/cluster.ts';

/** The user in the image. */
const REDIS_UID = 999;
/** A master that is silent for this long is replaced by its replica. */
const NODE_TIMEOUT_MS = 5000;

// biome-ignore lint/suspicious/noExplicitAny: an object of Kubernetes, which a test changes as it likes
export type StatefulSet = any;

export type RedisOptions = {
  namespace: string;
  /** Of the StatefulSet; `redis` without it. */
  name?: string;
  replicas: number;
  podManagementPolicy?: 'Parallel' | 'OrderedReady';
  /** Image and program; this machine's redis without it. */
  image?: string;
  /** Makes changes to the StatefulSet before it is applied. */
  mutate?: (statefulSet: StatefulSet) => StatefulSet;
  /** Owner of the volume directories; 999 without it. */
  uid?: number;
  /** Which of a pod's addresses the cluster is made of; the primary one without it. */
  family?: 4 | 6;
  /** Volume claims of each pod; `data` alone without it. */
  claims?: string[];
};

/** Where a volume's files are on this host. */
export function volumeDirectory(
  directory: string,
  { namespace, name = 'redis' }: Pick<RedisOptions, 'namespace' | 'name'>,
  ordinal: number,
  claim = 'data',
): string {
  return join(directory, 'volumes', namespace, `${claim}-${name}-${ordinal}`);
}

/** The objects, in the order in which they are to be applied; makes the directories of the volumes. */
export function redisObjects(
  options: RedisOptions,
  { directory, storage }: Pick<Cluster, 'directory' | 'storage'>,
): object[] {
  const { replicas, claims = ['data'], mutate = (set) => set } = options;
  if (storage === 'default-class') return [mutate(statefulSet(options, {}))];
  const ordinals = Array.from({ length: replicas }, (_, ordinal) => ordinal);
  const volumes = ordinals.flatMap((ordinal) =>
    claims.map((claim) => persistentVolume(options, directory, ordinal, claim)),
  );
  return [...volumes, mutate(statefulSet(options, { storageClassName: 'manual' }))];
}

/** A volume on a directory of this host that is kept for the claim of one pod. */
export function persistentVolume(
  options: RedisOptions,
  directory: string,
  ordinal: number,
  claim = 'data',
): object {
  const path = volumeDirectory(directory, options, ordinal, claim);
  const { namespace, name = 'redis', uid = REDIS_UID } = options;
  mkdirSync(path, { recursive: true });
  chownSync(path, uid, uid);
  const claimName = `${claim}-${name}-${ordinal}`;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `${namespace}-${claimName}` },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: 'manual',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claimName },
      hostPath: { path, type: 'Directory' },
    },
  };
}

function statefulSet(options: RedisOptions, storage: { storageClassName?: string }): StatefulSet {
  const {
    namespace,
    name = 'redis',
    replicas,
    podManagementPolicy = 'Parallel',
    claims = ['data'],
  } = options;
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name, namespace, labels: { [INJECT_LABEL]: 'true' } },
    spec: {
      serviceName: name,
      replicas,
      podManagementPolicy,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 10,
          securityContext: { runAsUser: REDIS_UID, runAsGroup: REDIS_UID, fsGroup: REDIS_UID },
          containers: [redisContainer(options.image ?? imageTags.redis)],
        },
      },
      volumeClaimTemplates: claims.map((claim) => ({
        metadata: { name: claim },
        spec: {
          ...storage,
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1Gi' } },
        },
      })),
    },
  };
}

function redisContainer(image: string): object {
  const args = [
    ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
    ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--dir', '/data', '--appendonly', 'yes'],
    ...['--bind', '*', '-::*', '--protected-mode', 'no'],
  ];
  return {
    name: 'redis',
    image,
    imagePullPolicy: 'Never',
    args,
    ports: [{ containerPort: 6379 }],
    readinessProbe: { tcpSocket: { port: 6379 }, periodSeconds: 1 },
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  };
}
