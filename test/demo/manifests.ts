/** The objects that a user applies. */
import { INJECT_LABEL } from '../../src/names.ts';
import type { Container, Pod, StatefulSet } from '../support/kubernetes-api/objects.ts';

export const REDIS_IMAGE = 'example.org/redis:demo';
export const UPDATER_IMAGE = 'example.org/redis-ip-updater:demo';

/** Name of the StatefulSet in every namespace. */
export const REDIS = 'redis';

/** A master that is silent for this long is replaced by its replica. */
const NODE_TIMEOUT_MS = 5000;

export type RedisSettings = { server: string; port: number };

export const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** A Redis Cluster as charts deploy it: nothing in it knows of the updater. */
export function redisStatefulSet(
  { server, port }: RedisSettings,
  replicas: number,
  podManagementPolicy: 'Parallel' | 'OrderedReady',
  { labelled = false } = {},
): Omit<StatefulSet, 'status'> {
  const labels = { app: REDIS };
  const clustered = [
    ['--cluster-enabled', 'yes'],
    ['--cluster-config-file', '/data/nodes.conf'],
    ['--cluster-node-timeout', String(NODE_TIMEOUT_MS)],
    ['--dir', '/data'],
  ].flat();
  const container = redisContainer(server, port, clustered);
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: REDIS, ...(labelled && { labels: { [INJECT_LABEL]: 'true' } }) },
    spec: {
      replicas,
      podManagementPolicy,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ ...container, volumeMounts: [{ name: 'data', mountPath: '/data' }] }] },
      },
      volumeClaimTemplates: [{ metadata: { name: 'data' } }],
    },
  };
}

/** A single server of somebody else. */
export function strangerPod({ server, port }: RedisSettings, name: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [redisContainer(server, port, ['--save', ''])] },
  };
}

/**
 * With real pods redis listens on everything and calls from the pod's only address. Here all pods share one
 * network, so each server is told which address is its own.
 */
function redisContainer(server: string, port: number, more: string[]): Container {
  return {
    name: REDIS,
    image: REDIS_IMAGE,
    command: [server],
    args: ['--port', String(port), '--bind', '$(POD_IP)', '--bind-source-addr', '$(POD_IP)']
      .concat('--protected-mode', 'no')
      .concat(more),
    env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    ports: [{ containerPort: port }],
  };
}
