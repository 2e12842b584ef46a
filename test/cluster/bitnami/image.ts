/** Images that look and behave like bitnami's, as far as it matters to nodes.conf. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { treeImage } from '../images/tree-image.ts';
import { run } from '../kubernetes/command.ts';

export const bitnamiTags = {
  server: 'localhost/redis-cluster:test',
  exporter: 'localhost/redis-exporter:test',
} as const;

const ENTRYPOINT = '/opt/bitnami/scripts/redis-cluster/entrypoint.sh';
/** Of which admission sees nothing: the path of nodes.conf is known by its mount. */
export const CONFIGURATION = '/opt/bitnami/redis/etc/redis.conf';
export const DATA = '/bitnami/redis/data';
const PATH = '/usr/bin:/bin';

const SETTINGS = `bind * -::*
protected-mode no
dir ${DATA}
appendonly yes
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout 5000
`;

/** Redis with bash and the stand-in for bitnami's entrypoint. */
export async function bitnamiServer(): Promise<string> {
  const commands = (await run(['/bin/busybox', '--list'])).split('\n');
  const used = commands.filter((name) => ['sh', 'sed', 'sleep', 'cat'].includes(name));
  const programs = ['/usr/bin/redis-server', '/usr/bin/redis-cli', '/bin/bash', '/bin/busybox'];
  return treeImage({
    tag: bitnamiTags.server,
    tree: {
      programs: Object.fromEntries(programs.map((path) => [path, path])),
      links: Object.fromEntries(used.map((name) => [`/bin/${name}`, 'busybox'])),
      texts: {
        [ENTRYPOINT]: readFileSync(join(import.meta.dirname, 'entrypoint.sh'), 'utf8'),
        [CONFIGURATION]: SETTINGS,
      },
    },
    entrypoint: ['/bin/bash', ENTRYPOINT],
    env: { PATH },
    user: '1001',
  });
}

/** Something beside the server whose name says redis, too. */
export function exporter(): Promise<string> {
  return treeImage({
    tag: bitnamiTags.exporter,
    tree: { programs: { '/bin/busybox': '/bin/busybox' } },
    entrypoint: ['/bin/busybox', 'sleep', 'infinity'],
    user: '1001',
  });
}
