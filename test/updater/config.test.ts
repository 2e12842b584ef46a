import t from 'tap';
import type { Failure } from '../../src/errors.ts';
import { readConfig } from '../../src/updater/config.ts';

const env = {
  POD_NAME: 'redis-0',
  POD_NAMESPACE: 'shop',
  POD_IP: '10.0.0.1',
  POD_IPS: '10.0.0.1,fd00::1',
  NODES_CONF: '/data/nodes.conf',
  KUBERNETES_SERVICE_HOST: '10.96.0.1',
  KUBERNETES_SERVICE_PORT: '443',
};

t.test('what the webhook sets, with the defaults of the rest', async (t) => {
  t.same(readConfig(env, []), {
    podName: 'redis-0',
    podNamespace: 'shop',
    podIps: ['10.0.0.1', 'fd00::1'],
    nodesConf: '/data/nodes.conf',
    nodesConfVolume: '/data',
    nodesMap: '/nodes',
    serviceAccountDir: '/var/run/secrets/kubernetes.io/serviceaccount',
    apiHost: '10.96.0.1',
    apiPort: 443,
    onFailure: 'block',
    onLostVolume: 'refuse',
    outsideNodes: 'park',
    deadlineMs: 300_000,
    dryRun: false,
  });
});

t.test('every setting can be given', async (t) => {
  const given = {
    ...env,
    POD_IPS: '',
    NODES_CONF_VOLUME: '/bitnami/redis/',
    NODES_MAP: '/m',
    SERVICE_ACCOUNT_DIR: '/t',
    ON_FAILURE: 'continue',
    ON_LOST_VOLUME: 'start',
    OUTSIDE_NODES: 'keep',
    DEADLINE_SECONDS: '5',
  };
  t.match(readConfig(given, ['--dry-run']), {
    podIps: ['10.0.0.1'],
    nodesConfVolume: '/bitnami/redis/',
    nodesMap: '/m',
    serviceAccountDir: '/t',
    onFailure: 'continue',
    onLostVolume: 'start',
    outsideNodes: 'keep',
    deadlineMs: 5000,
    dryRun: true,
  });
});

t.test('a missing or bad value is named, with code 64', async (t) => {
  const bad: [object, RegExp][] = [
    [{ POD_NAME: undefined }, /^The environment variable POD_NAME is not set: /],
    [{ POD_NAMESPACE: '' }, /POD_NAMESPACE is not set/],
    [{ POD_IP: undefined }, /POD_IP is not set/],
    [{ POD_IP: 'redis' }, /POD_IP or POD_IPS holds "redis", which is no IP address/],
    [{ POD_IPS: '10.0.0.1,x' }, /holds "x"/],
    [{ NODES_CONF: undefined }, /NODES_CONF is not set/],
    [{ NODES_CONF: 'nodes.conf' }, /NODES_CONF holds "nodes.conf", which is no absolute path/],
    [
      { NODES_CONF: `a\n\u009b${'x'.repeat(10_000)}` },
      /NODES_CONF holds "a\\n\\u009bx{51}\.\.\.", which is no/,
    ],
    [{ KUBERNETES_SERVICE_HOST: undefined }, /KUBERNETES_SERVICE_HOST is not set/],
    [{ KUBERNETES_SERVICE_PORT: '70000' }, /no whole number from 1 to 65535/],
    [{ DEADLINE_SECONDS: '1.5' }, /DEADLINE_SECONDS holds "1.5"/],
    [{ ON_FAILURE: 'ignore' }, /ON_FAILURE holds "ignore", which is none of block, continue/],
  ];
  for (const [changes, sentence] of bad) {
    t.throws(() => readConfig({ ...env, ...changes }, []), sentence);
    try {
      readConfig({ ...env, ...changes }, []);
    } catch (error) {
      t.equal((error as Failure).exitCode, 64);
    }
  }
  t.throws(() => readConfig(env, ['--dry']), /The one option is --dry-run/);
  t.throws(() => readConfig(env, ['nodes.conf']), { exitCode: 64, message: /nodes.conf/ });
});
