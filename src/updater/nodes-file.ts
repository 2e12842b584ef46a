/**
 * nodes.conf on its volume. Whatever happens (kill -9, full disk, power cut), the old file or the new one is
 * there, whole, with its owner and mode: written beside it, synced, renamed over it, directory synced.
 */
import type { Stats } from 'node:fs';
import { open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { exitCodes, Failure } from '../errors.ts';
import { BACKUP_SUFFIX, keepBackup } from './backup.ts';
import { isMountPoint } from './mount-point.ts';
import { adoptOwnerAndMode } from './owner-and-mode.ts';
import { isCode } from './system-error.ts';

export type NodesFile = {
  /** With symbolic links resolved: the file that is replaced, so that a link stays a link. */
  path: string;
  /** One character a byte (latin1). */
  text: string;
  stats: Stats;
};

/** Fixed, so that what an interrupted run left behind is found and removed by the next. */
const TEMPORARY_SUFFIX = '.redis-ip-updater.tmp';

/** The names that are ours, beside a nodes.conf or anywhere else. */
export function isOurFile(name: string): boolean {
  return name.endsWith(TEMPORARY_SUFFIX) || name.endsWith(BACKUP_SUFFIX);
}

/** The file; null when there is none. @throws Failure 74 when it cannot be read. */
export async function readNodesFile(path: string): Promise<NodesFile | null> {
  try {
    const target = await realpath(path);
    const stats = await stat(target);
    // A named pipe would keep us waiting for ever.
    if (!stats.isFile()) throw noRegularFile(path);
    return { path: target, text: await readFile(target, 'latin1'), stats };
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    if (isCode(cause, 'ENOENT', 'ENOTDIR')) return null;
    throw ioFailure(`${path} cannot be read`, cause, 'check the volume and its permissions.');
  }
}

/** Removes what an interrupted run may have left. @throws Failure 74 when it is there and cannot go. */
export async function removeLeftover(path: string): Promise<void> {
  await unlink(`${path}${TEMPORARY_SUFFIX}`).catch((cause) => {
    // A volume mounted read-only holds nothing of ours; the write will say what is wrong.
    if (!isCode(cause, 'ENOENT', 'ENOTDIR', 'EROFS')) throw notRewritten(path, cause);
  });
}

/**
 * Replaces the content of `file` by `text`; the previous content stays beside it as a backup.
 * @throws Failure 65 when the file is itself a mount, 74 on any other trouble. The file is untouched then,
 *   unless the sentence says that only the last step, the sync of its directory, failed.
 */
export async function replaceNodesFile(file: NodesFile, text: string): Promise<void> {
  if (await isMountPoint(file.path)) throw mountedFile(file.path);
  const temporary = `${file.path}${TEMPORARY_SUFFIX}`;
  try {
    await writeBeside(temporary, text, file.stats);
    await assertUnchanged(file);
    await keepBackup(file.path);
    await rename(temporary, file.path);
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    if (isCode(cause, 'EBUSY')) throw mountedFile(file.path, cause);
    throw cause instanceof Failure ? cause : notRewritten(file.path, cause);
  }
  await syncDirectoryOf(file.path);
}

async function writeBeside(temporary: string, text: string, stats: Stats): Promise<void> {
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text, 'latin1');
    await adoptOwnerAndMode(handle, stats);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** No server may run while we work; one that does would lose what it saves now. */
async function assertUnchanged({ path, stats }: NodesFile): Promise<void> {
  const now = await stat(path);
  if (now.ino === stats.ino && now.size === stats.size && now.mtimeMs === stats.mtimeMs) return;
  throw new Failure(
    exitCodes.io,
    `${path} changed while it was read: another process uses the volume; stop it, then restart this pod.`,
  );
}

/** Without it a power cut could bring the old file back. */
async function syncDirectoryOf(path: string): Promise<void> {
  const directory = dirname(path);
  try {
    const handle = await open(directory, 'r');
    await handle.sync().finally(() => handle.close());
  } catch (cause) {
    // Not every file system can sync a directory, and not every directory may be read by those who write in it.
    if (isCode(cause, 'EINVAL', 'EISDIR', 'ENOTSUP', 'EBADF', 'EACCES', 'EPERM')) return;
    throw ioFailure(
      `${directory} cannot be synced after ${basename(path)} in it was rewritten`,
      cause,
      'check the volume.',
    );
  }
}

function noRegularFile(path: string): Failure {
  return new Failure(
    exitCodes.io,
    `${path} cannot be read, because it is a directory or a special file: check the path, or remove what is there.`,
  );
}

function mountedFile(path: string, cause?: unknown): Failure {
  return new Failure(
    exitCodes.refused,
    `${path} is itself a mount, so it cannot be replaced in one step: mount the directory ${dirname(path)} instead of the file ${basename(path)}.`,
    { cause },
  );
}

function notRewritten(path: string, cause: unknown): Failure {
  // Only what has one of our own names is in the way of anything.
  const whatToDo = isCode(cause, 'EISDIR')
    ? 'remove that directory.'
    : `check space, permissions and read-only state of ${dirname(path)}.`;
  return ioFailure(`${path} cannot be rewritten and was left as it is`, cause, whatToDo);
}

function ioFailure(problem: string, cause: unknown, whatToDo: string): Failure {
  return new Failure(exitCodes.io, `${problem} (${(cause as Error).message}): ${whatToDo}`, { cause });
}
