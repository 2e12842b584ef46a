/**
 * Images for machines that can pull none: made of the machine's own Debian packages and of the Node.js binary
 * that npm installed.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { run } from '../kubernetes/command.ts';
import { treeImage } from './tree-image.ts';

/** Names under which the images are loaded into a cluster. */
export const imageTags = {
  pause: 'localhost/pause:test',
  node: 'localhost/node:test',
  nodeBuilder: 'localhost/node-builder:test',
  redis: 'localhost/redis:test',
  agent: 'localhost/redis-agent:test',
} as const;

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The container that holds a pod's network: it sleeps. */
export function pauseImage(): Promise<string> {
  return treeImage({
    tag: imageTags.pause,
    tree: { programs: { '/bin/busybox': '/bin/busybox' } },
    entrypoint: ['/bin/busybox', 'sleep', 'infinity'],
  });
}

/** Node.js and nothing else, laid out like distroless's: no shell, /nodejs/bin/node, user 65532. */
export function nodeImage(): Promise<string> {
  return treeImage({
    tag: imageTags.node,
    tree: { programs: { '/nodejs/bin/node': nodeBinary() } },
    entrypoint: ['/nodejs/bin/node'],
    user: '65532',
  });
}

/** Node.js with npm and a shell, for the stages of a Dockerfile that build. */
export async function nodeBuilderImage(): Promise<string> {
  const shell = await busyboxTree();
  const npm = dirname(dirname(await run(['sh', '-c', 'readlink -f "$(command -v npm)"'])));
  // Behind a proxy that signs anew, npm in the image must trust what npm here trusts.
  const trusted = process.env.NODE_EXTRA_CA_CERTS;
  const trustedInImage = '/etc/ssl/extra-ca.crt';
  return treeImage({
    tag: imageTags.nodeBuilder,
    tree: {
      programs: { ...shell.programs, '/usr/local/bin/node': nodeBinary() },
      links: {
        ...shell.links,
        '/usr/bin/env': '/bin/busybox',
        '/usr/local/bin/npm': '../lib/node_modules/npm/bin/npm-cli.js',
        '/usr/local/bin/npx': '../lib/node_modules/npm/bin/npx-cli.js',
      },
      directories: {
        '/usr/local/lib/node_modules/npm': npm,
        ...(trusted ? { [trustedInImage]: trusted } : {}),
      },
    },
    entrypoint: ['/usr/local/bin/node'],
    env: { PATH, ...(trusted ? { NODE_EXTRA_CA_CERTS: trustedInImage } : {}) },
  });
}

/**
 * Sleeps; what it is for is run in it: Node.js with one program, and redis-cli.
 *
 * @param program path of a bundled module, in the image /agent.mjs
 */
export async function agentImage(program: string): Promise<string> {
  const programs = { '/nodejs/bin/node': nodeBinary(), '/bin/busybox': '/bin/busybox' };
  return treeImage({
    tag: imageTags.agent,
    tree: {
      programs: { ...programs, '/usr/bin/redis-cli': '/usr/bin/redis-cli' },
      directories: { '/agent.mjs': program },
    },
    entrypoint: ['/bin/busybox', 'sleep', 'infinity'],
    env: { PATH },
  });
}

/** Redis of this machine's package, with redis-cli and a shell; its data goes to /data. */
export async function redisImage(): Promise<string> {
  return serverImage(imageTags.redis, { redis: true });
}

/**
 * An image with the Redis or Valkey programs of a tree.
 *
 * @param root the tree in which they are installed; this machine without it
 */
export async function serverImage(
  tag: string,
  { redis, root }: { redis: boolean; root?: string },
): Promise<string> {
  const names = redis ? ['redis-server', 'redis-cli'] : ['valkey-server', 'valkey-cli'];
  const shell = await busyboxTree();
  // busybox is static: it serves in any tree, but is read from this machine.
  return treeImage({
    tag,
    tree: {
      programs: Object.fromEntries(names.map((name) => [`/usr/bin/${name}`, `/usr/bin/${name}`])),
      links: shell.links,
      directories: { '/bin/busybox': '/bin/busybox' },
      ...(root ? { root } : {}),
    },
    entrypoint: [`/usr/bin/${names[0]}`],
    env: { PATH },
  });
}

/** A static busybox with a link for each of its commands. */
async function busyboxTree() {
  const commands = (await run(['/bin/busybox', '--list']))
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox');
  return {
    programs: { '/bin/busybox': '/bin/busybox' },
    links: Object.fromEntries(commands.map((name) => [`/bin/${name}`, 'busybox'])),
  };
}

/** The binary of the npm package `node`, whatever runs this. */
function nodeBinary(): string {
  return join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin', 'node');
}
