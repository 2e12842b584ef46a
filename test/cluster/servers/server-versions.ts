/**
 * The servers of other Debian releases, as images: what people run is older and newer than this machine's.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { serverImage } from '../images/stand-ins.ts';
import { cached } from '../kubernetes/cache.ts';
import { run } from '../kubernetes/command.ts';

/** Debian's releases and what they hold; sid moves, so only its major version is promised. */
const suites = {
  bullseye: ['redis-server'],
  bookworm: ['redis-server'],
  trixie: ['redis-server', 'valkey-server'],
  sid: ['redis-server', 'valkey-server'],
} as const;

const versions = {
  'redis-6.0': { suite: 'bullseye', redis: true },
  'redis-7.0': { suite: 'bookworm', redis: true },
  'redis-8.0': { suite: 'trixie', redis: true },
  'valkey-8.1': { suite: 'trixie', redis: false },
  'valkey-9': { suite: 'sid', redis: false },
} as const;

export type ServerVersion = keyof typeof versions;

/** All versions, oldest Redis first. */
export const serverVersions = Object.keys(versions) as ServerVersion[];

/** Name under which a pod asks for the image of a version. */
export function serverTag(version: ServerVersion): string {
  return `localhost/${version}:test`;
}

/**
 * The image of a version, made from a debootstrapped tree the first time: server, client and a shell, data in
 * /data; its entrypoint is the server.
 *
 * @returns the path of its docker-archive
 */
export async function serverArchive(version: ServerVersion): Promise<string> {
  const { suite, redis } = versions[version];
  return serverImage(serverTag(version), { redis, root: join(await debianTree(suite), 'tree') });
}

/** A minimal Debian of that release with its servers installed, for chroot. */
async function debianTree(suite: keyof typeof suites): Promise<string> {
  const packages = suites[suite];
  const key = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 16);
  const what = `installing ${packages.join(', ')} of Debian ${suite} in a directory`;
  return cached(`debian-${suite}`, key, what, 60, async (directory) => {
    const tree = join(directory, 'tree');
    // Its mounts end with it, also when it is interrupted.
    const alone = ['unshare', '--mount', '--propagation', 'private'];
    await run([...alone, 'debootstrap', '--variant=minbase', `--include=${packages.join(',')}`, suite, tree]);
    for (const part of [
      'var/cache/apt',
      'var/lib/apt/lists',
      'usr/share/doc',
      'usr/share/man',
      'usr/share/locale',
    ]) {
      rmSync(join(tree, part), { recursive: true, force: true });
    }
  });
}
