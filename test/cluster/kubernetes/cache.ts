import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { PROJECT } from '../../../src/names.ts';
import { say } from './say.ts';

/** A machine may hold several checkouts; older results of the same kind are not worth their disk space. */
const KEPT_OF_EACH_KIND = 3;

/** Where what is built once per machine is kept: outside the tree, so that a fresh clone finds it. */
export function cacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), PROJECT);
}

/**
 * The directory `kind/key` of the cache, made by `make` if it is not there yet.
 *
 * `make` fills a temporary directory that gets its name by one rename, so a half-built one is never used; when
 * two processes make the same, the second one's copy is dropped. Of each kind the last used ones stay.
 *
 * @param what what is made, for the progress message
 * @param typicallySeconds what it takes on a small machine; later runs say what it took here
 */
export async function cached(
  kind: string,
  key: string,
  what: string,
  typicallySeconds: number,
  make: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(cacheDirectory(), kind, key);
  if (existsSync(directory)) {
    utimesSync(directory, new Date(), new Date());
    return directory;
  }
  const tookFile = join(cacheDirectory(), kind, 'took-seconds');
  say(`${what} (once; ${expectation(tookFile, typicallySeconds)}) ...`);
  const startedAt = performance.now();
  const partial = join(dirname(directory), `.partial-${process.pid}-${randomBytes(4).toString('hex')}`);
  removeAbandoned(dirname(directory));
  mkdirSync(partial, { recursive: true });
  try {
    await make(partial);
    if (!existsSync(directory)) renameSync(partial, directory);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  removeLeastRecentlyUsed(dirname(directory));
  const seconds = Math.ceil((performance.now() - startedAt) / 1000);
  writeFileSync(tookFile, `${seconds}\n`);
  say(`${what}: done in ${seconds} s`);
  return directory;
}

function expectation(tookFile: string, typicallySeconds: number): string {
  return existsSync(tookFile)
    ? `it last took ${readFileSync(tookFile, 'utf8').trim()} s here`
    : `about ${typicallySeconds} s on two cores`;
}

/** Removes what processes that were killed in the middle of `make` left. */
function removeAbandoned(parent: string): void {
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const pid = /^\.partial-(\d+)-/.exec(name)?.[1];
    if (pid && !isRunning(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function removeLeastRecentlyUsed(parent: string): void {
  const byAge = readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => join(parent, entry.name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const path of byAge.slice(KEPT_OF_EACH_KIND)) rmSync(path, { recursive: true, force: true });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
