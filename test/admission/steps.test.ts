/** The steps of the pipeline, where a table says more than a whole pod. */
import t from 'tap';
import { chooseContainer } from '../../src/admission/container.ts';
import { persistentMount } from '../../src/admission/mount.ts';
import { findNodesConf } from '../../src/admission/nodes-conf-path.ts';
import { parseQuantity } from '../../src/admission/quantity.ts';
import { isObjection } from '../../src/admission/reasons.ts';
import { updaterResources } from '../../src/admission/resources.ts';
import { readSettings } from '../../src/admission/settings.ts';
import type { Pod } from '../../src/admission/shapes.ts';

t.test('quantities', (t) => {
  const table: [string | number, number | undefined][] = [
    ['0', 0],
    ['64Mi', 67108864],
    ['1.5Gi', 1610612736],
    ['.5k', 500],
    ['5.', 5],
    ['+128M', 128e6],
    ['1e3', 1000],
    ['1E3', 1000],
    ['2E', 2e18],
    ['100m', 0.1],
    ['12e6', 12e6],
    [1024, 1024],
    ['', undefined],
    ['Mi', undefined],
    ['1 Mi', undefined],
    ['1mi', undefined],
    ['0x10', undefined],
    ['1Mi\n', undefined],
    ['Infinity', undefined],
  ];
  for (const [quantity, value] of table) t.equal(parseQuantity(quantity), value, `${quantity}`);
  t.end();
});

t.test('images that are the server, and those that only sound like it', (t) => {
  const table: [string, boolean][] = [
    ['redis', true],
    ['redis:8', true],
    ['registry.example.com:5000/redis@sha256:abc', true],
    ['registry.example.com:5000/bitnami/redis-cluster:7', true],
    ['valkey/valkey-bundle', true],
    ['team/my-keydb:1', true],
    ['redis/exporter:1', false],
    ['oliver006/redis_exporter:1', false],
    ['bitnami/redis-sentinel:7', false],
    ['registry.redis.io/team/proxy:redis', false],
    ['team/proxy@redis', false],
    ['', false],
  ];
  for (const [image, isServer] of table) {
    const containers = [
      { name: 'first', image: 'nginx' },
      { name: 'second', image },
    ];
    const chosen = chooseContainer({ metadata: {}, spec: { containers } }, undefined);
    t.equal(isObjection(chosen) ? undefined : chosen.name, isServer ? 'second' : undefined, image);
  }
  t.end();
});

t.test('cluster-enabled gives a server away, unless it is switched off', (t) => {
  const table: [string[], boolean][] = [
    [['--cluster-enabled', 'yes'], true],
    [['exec server --cluster-enabled yes'], true],
    [['echo "cluster-enabled yes" >> /etc/x.conf'], true],
    [['--cluster-enabled', 'no'], false],
    [['--cluster-enabled', '"no"'], false],
    [['--no-cluster-enabledness'], false],
    [[], false],
  ];
  for (const [args, isServer] of table) {
    const containers = [{ name: 'first' }, { name: 'second', args }];
    const chosen = chooseContainer({ metadata: {}, spec: { containers } }, undefined);
    t.equal(isObjection(chosen), !isServer, args.join(' '));
  }
  t.end();
});

const volumes = [
  { name: 'kept', persistentVolumeClaim: {} },
  { name: 'lost', emptyDir: {} },
];
const mounts = (map: Record<string, string>) =>
  Object.entries(map).map(([mountPath, name]) => ({ name, mountPath }));

t.test('where nodes.conf is', (t) => {
  const table: [
    string,
    Pick<NonNullable<Pod['spec']['containers']>[0], 'args' | 'workingDir'>,
    Record<string, string>,
    string,
  ][] = [
    ['nothing known', {}, {}, '/data/nodes.conf'],
    ['an absolute cluster-config-file', { args: ['--cluster-config-file', '/x/n.conf'] }, {}, '/x/n.conf'],
    ['below dir', { args: ['--dir', '/x/', '--cluster-config-file', 'n.conf'] }, {}, '/x/n.conf'],
    [
      'below a relative dir',
      { args: ['--dir', 'y', '--cluster-config-file', 'n.conf'], workingDir: '/w' },
      {},
      '/w/y/n.conf',
    ],
    [
      'below the working directory',
      { args: ['--cluster-config-file', 'n.conf'], workingDir: '/w' },
      {},
      '/w/n.conf',
    ],
    ['below /data', { args: ['--cluster-config-file', 'n.conf'] }, {}, '/data/n.conf'],
    [
      'the last one counts',
      { args: ['--cluster-config-file', 'a', '--cluster-config-file', 'b'] },
      {},
      '/data/b',
    ],
    [
      'in a shell script, quoted',
      { args: ['-c \'exec s --cluster-config-file "/x/n.conf"; x\''] },
      {},
      '/x/n.conf',
    ],
    ['in a written configuration', { args: ['echo "cluster-config-file /x/n.conf" > c'] }, {}, '/x/n.conf'],
    ['a variable is unknown', { args: ['--cluster-config-file', '/x/$(POD).conf'] }, {}, '/data/nodes.conf'],
    ['a flag without a value', { args: ['--cluster-config-file'] }, {}, '/data/nodes.conf'],
    ['dir alone', { args: ['--dir', '/x'] }, {}, '/x/nodes.conf'],
    [
      'a layout before dir alone',
      { args: ['--dir', '/data'] },
      { '/node-conf': 'kept', '/data': 'kept' },
      '/node-conf/nodes.conf',
    ],
    [
      'a layout on an emptyDir does not count',
      {},
      { '/node-conf': 'lost', '/data': 'kept' },
      '/data/nodes.conf',
    ],
    ['bitnami valkey', {}, { '/bitnami/valkey': 'kept' }, '/bitnami/valkey/data/nodes.conf'],
    ['dots are resolved', { args: ['--cluster-config-file', '/x/../y/./n'] }, {}, '/y/n'],
  ];
  for (const [title, container, mounted, path] of table) {
    const volumeMounts = mounts(mounted);
    t.equal(findNodesConf({ name: 'redis', ...container, volumeMounts }, volumes), path, title);
  }
  t.end();
});

t.test('paths in the annotation', (t) => {
  const table: [string, boolean][] = [
    ['/data/nodes.conf', true],
    ['/n', true],
    ['/däta/no des $(X) ~.conf', true],
    [`/${'a'.repeat(4095)}`, true],
    [`/${'a'.repeat(4096)}`, false],
    [`/${'ä'.repeat(2048)}`, false],
    ['', false],
    ['/', false],
    ['data/nodes.conf', false],
    ['/data/', false],
    ['/data//nodes.conf', false],
    ['/data/./nodes.conf', false],
    ['/data/../nodes.conf', false],
    ['/..', false],
    ['/data/nodes.conf\n', false],
    ['/data/\u0000', false],
    ['/data/\u007f', false],
    ['/data/\u009b2J', false],
    ['/data/\u202efnoc', false],
    ['/data/\u200b', false],
    ['/data/\u00a0\u00e4', true],
  ];
  for (const [path, isValid] of table) {
    const annotations = { 'redis-ip-updater.io/nodes-conf': path };
    const settings = readSettings({ metadata: { annotations }, spec: {} }, undefined);
    t.equal(isObjection(settings), !isValid, JSON.stringify(path).slice(0, 40));
  }
  t.end();
});

t.test('which mount holds a path', (t) => {
  const table: [string, Record<string, string>, string | undefined][] = [
    ['/data/nodes.conf', { '/data': 'kept' }, '/data'],
    ['/data/nodes.conf', { '/data/': 'kept' }, '/data/'],
    ['/data/nodes.conf', { '/dat': 'kept' }, undefined],
    ['/data/nodes.conf', { '/data/nodes': 'kept' }, undefined],
    ['/data/nodes.conf', { '/data/nodes.conf': 'kept' }, '/data/nodes.conf'],
    ['/data/a/nodes.conf', { '/data': 'lost', '/data/a': 'kept' }, '/data/a'],
    ['/data/a/nodes.conf', { '/data/a': 'lost', '/data': 'kept' }, undefined],
    ['/data/nodes.conf', { '/data': 'unlisted' }, undefined],
    ['/data/nodes.conf', {}, undefined],
  ];
  for (const [path, mounted, expected] of table) {
    const container = { name: 'redis', volumeMounts: mounts(mounted) };
    t.equal(persistentMount(container, volumes, path)?.mountPath, expected, JSON.stringify(mounted));
  }
  t.end();
});

t.test('memory below the minimum is raised, anything else is copied', (t) => {
  const none = { raised: false };
  t.match(updaterResources({ name: 'r' }), { resources: undefined, ...none });
  t.match(updaterResources({ name: 'r', resources: {} }), { resources: undefined, ...none });
  const limits = { memory: '64Mi', cpu: '1' };
  t.match(updaterResources({ name: 'r', resources: { limits } }), { resources: { limits }, ...none });
  const small = updaterResources({ name: 'r', resources: { requests: { memory: 67108863 } } });
  t.same(small, { resources: { requests: { memory: '64Mi' } }, raised: true });
  const garbled = { requests: { memory: 'much' } };
  t.same(updaterResources({ name: 'r', resources: garbled }), { resources: garbled, ...none });
  t.end();
});
