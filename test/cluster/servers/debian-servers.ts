/**
 * The servers of other Debian releases: what people run is older and newer than this machine's. Each release is
 * installed once, in a directory of its own; its programs run from there with its own loader and libraries.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exitCodes, Failure } from '../../../src/errors.ts';
import { cacheDirectory, cached } from '../kubernetes/cache.ts';
import { CommandFailed, run } from '../kubernetes/command.ts';
import { installPackages, type PackageNeeds } from '../kubernetes/packages.ts';

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

const serverNeeds: PackageNeeds = {
  packages: ['debootstrap'],
  root: 'The tests against other server versions install them once from Debian packages, for which they need root on Linux: run `sudo npm test`',
  purpose: 'The tests against other server versions install them with a Debian package',
};

type Suite = keyof typeof suites;
export type ServerVersion = keyof typeof versions;

/** All versions, oldest Redis first. */
export const serverVersions = Object.keys(versions) as ServerVersion[];

/** The directory that stands for `/` where the version is installed, and whether it is Redis or Valkey. */
export async function serverRoot(version: ServerVersion): Promise<{ root: string; redis: boolean }> {
  const { suite, redis } = versions[version];
  return { root: join(await debianTree(suite), 'tree'), redis };
}

export type ServerCommands = {
  /** The version, as `8.1.1`. */
  version: string;
  major: number;
  /** Commands that start the server and its client as processes of this machine; arguments may follow. */
  server: string[];
  cli: string[];
};

/** How to run a version without chroot, so that it sees this machine's files: needs no root. */
export async function serverCommands(version: ServerVersion): Promise<ServerCommands> {
  const { root, redis } = await serverRoot(version);
  const [loader] = globSync(join(root, 'usr/lib/*/ld-linux-*.so.*'));
  if (!loader) throw new Error(`${root} has no dynamic loader`);
  const command = (name: string) => [
    loader,
    '--library-path',
    dirname(loader),
    join(root, 'usr/bin', `${redis ? 'redis' : 'valkey'}-${name}`),
  ];
  const server = command('server');
  const [, number = ''] = /v=(\d+\.\d+\.\d+)/.exec(await run([...server, '--version'])) ?? [];
  return { version: number, major: Number.parseInt(number, 10), server, cli: command('cli') };
}

/**
 * Installs what is missing of all versions.
 * @throws Failure 69 for everybody but root, and where Debian's archive cannot be reached
 */
export async function installServers(): Promise<void> {
  const all = Object.keys(suites) as Suite[];
  const missing = all.filter((suite) => !existsSync(join(cacheDirectory(), kindOf(suite), keyOf(suite))));
  try {
    if (missing.length > 0) await installPackages(serverNeeds);
    for (const suite of missing) await debianTree(suite);
  } catch (cause) {
    if (!(cause instanceof CommandFailed)) throw cause;
    const sentence = `The tests against other server versions install them from Debian's archive, which failed: ${cause.message}`;
    throw new Failure(exitCodes.unavailable, sentence, { cause });
  }
}

const kindOf = (suite: Suite) => `debian-${suite}`;

/** What is installed is part of the key. */
const keyOf = (suite: Suite) =>
  createHash('sha256').update(suites[suite].join(' ')).digest('hex').slice(0, 16);

/** A minimal Debian of that release with its servers installed. */
async function debianTree(suite: Suite): Promise<string> {
  const packages = suites[suite];
  const what = `installing ${packages.join(', ')} of Debian ${suite} in a directory`;
  return cached(kindOf(suite), keyOf(suite), what, 60, async (directory) => {
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
