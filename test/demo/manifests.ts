/** The objects that a user applies. */
import { INJECT_LABEL } from '../../src/names.ts';
import type { Container, Pod, StatefulSet } from '../support/kubernetes-api/objects.ts';
import type { Endpoint } from '../support/redis/cluster.ts';
import type { Tls } from '../support/redis/tls.ts';

export const REDIS_IMAGE = 'example.org/redis:demo';
export const UPDATER_IMAGE = 'example.org/redis-ip-updater:demo';

/** Name of the StatefulSet in every namespace. */
export const REDIS = 'redis';

/** What DNS would know the pods by, each below it. */
export const DOMAIN = `${REDIS}.test`;

/** A master that is silent for this long is replaced by its replica. */
const NODE_TIMEOUT_MS = 5000;

export type RedisSettings = {
  /** The commands that start the server and its client; arguments may follow. */
  server: readonly string[];
  cli: readonly string[];
  /** Of the server's version. */
  major: number;
  port: number;
  /** Nothing but TLS, between the nodes as well. */
  tls?: Tls;
  /** What the nodes name themselves to clients. Without it they have no hostnames. */
  preferredEndpoint?: 'ip' | 'hostname' | 'unknown-endpoint';
  /** Where the nodes, by ordinal, are reached instead of at their pods' addresses: what forwards to them there. */
  reachedAt?: readonly Endpoint[];
  /** Further arguments of a cluster's nodes. */
  args?: readonly string[];
};

export const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** A Redis Cluster as charts deploy it: nothing in it knows of the updater. */
export function redisStatefulSet(
  settings: RedisSettings,
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
    settings.preferredEndpoint
      ? ['--cluster-announce-hostname', `$(POD_NAME).${DOMAIN}`].concat(
          '--cluster-preferred-endpoint-type',
          settings.preferredEndpoint,
        )
      : [],
    settings.args ?? [],
  ].flat();
  const container = redisContainer(settings, clustered);
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
export function strangerPod(settings: RedisSettings, name: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [redisContainer(settings, ['--save', ''])] },
  };
}

/**
 * With real pods redis listens on everything and calls from the pod's only address. Here all pods share one
 * network, so each server is told which address is its own.
 */
function redisContainer(settings: RedisSettings, more: readonly string[]): Container {
  const { server, major, port, tls } = settings;
  // Before 7.0, which has an option for it, the first address of --bind is that of outgoing connections, too.
  const source = major < 7 ? [] : ['--bind-source-addr', '$(POD_IP)'];
  return {
    name: REDIS,
    image: REDIS_IMAGE,
    command: [...server],
    args: [tls ? tlsPort(tls, port) : ['--port', String(port)], ['--bind', '$(POD_IP)'], source]
      .flat()
      .concat('--protected-mode', 'no', more),
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ],
    ports: [{ containerPort: port }],
    // The stand-in of the kubelet asks for PONG by itself where it is not told how.
    ...(tls && { readinessProbe: { exec: { command: pingCommand(settings) } } }),
  };
}

function pingCommand(settings: RedisSettings): string[] {
  const script = '"$@" -h "$POD_IP" ping | grep -q PONG';
  return ['sh', '-c', script, 'sh', ...cliOf(settings), '-p', String(settings.port)];
}

function tlsPort({ certFile, keyFile }: Tls, port: number): string[] {
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile];
  return [
    '--port',
    '0',
    '--tls-port',
    String(port),
    ...files,
    '--tls-replication',
    'yes',
    '--tls-cluster',
    'yes',
  ];
}

/** The client's command with what it needs to connect at all. */
export function cliOf({ cli, tls }: RedisSettings): string[] {
  if (!tls) return [...cli];
  return [...cli, '--tls', '--cacert', tls.certFile, '--cert', tls.certFile, '--key', tls.keyFile];
}
