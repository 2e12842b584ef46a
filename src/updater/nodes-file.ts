/**
 * nodes.conf on its volume. Whatever happens (kill -9, full disk, power cut), the old file or the new one is
 * there, whole, with its owner and mode: written beside it, synced, renamed over it, directory synced.
 */
import type { Stats } from 'node:fs';
import {
  copyFile,
  type FileHandle,
  link,
  open,
  readFile,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { exitCodes, Failure } from '../errors.ts';

export type NodesFile = {
  /** With symbolic links resolved: the file that is replaced, so that a link stays a link. */
  path: string;
  /** One character a byte (latin1). */
  text: string;
  stats: Stats;
};

/** Fixed, so that what an interrupted run left behind is found and removed by the next. */
const TEMPORARY_SUFFIX = '.redis-ip-updater.tmp';
const BACKUP_SUFFIX = '.redis-ip-updater.bak';

/** Where the previous content stays. */
export function backupPath(path: string): string {
  return `${path}${BACKUP_SUFFIX}`;
}

/** The names that are ours, beside a nodes.conf or anywhere else. */
export function isOurFile(name: string): boolean {
  return name.endsWith(TEMPORARY_SUFFIX) || name.endsWith(BACKUP_SUFFIX);
}

/** The file; null when there is none. @throws Failure 74 when it cannot be read. */
export async function readNodesFile(path: string): Promise<NodesFile | null> {
  try {
    const target = await realpath(path);
    const stats = await stat(target);
    return { path: target, text: await readFile(target, 'latin1'), stats };
  } catch (cause) {
    if (isCode(cause, 'ENOENT', 'ENOTDIR')) return null;
    throw new Failure(
      exitCodes.io,
      `${path} cannot be read (${describe(cause)}): check the volume and its permissions.`,
      {
        cause,
      },
    );
  }
}

/** Removes what an interrupted run may have left. @throws Failure 74 when it is there and cannot go. */
export async function removeLeftover(path: string): Promise<void> {
  await unlink(`${path}${TEMPORARY_SUFFIX}`).catch((cause) => {
    // A volume mounted read-only holds nothing of ours; the write will say what is wrong.
    if (!isCode(cause, 'ENOENT', 'ENOTDIR', 'EROFS')) throw ioFailure(path, cause);
  });
}

/**
 * Replaces the content of `file` by `text`; the previous content stays beside it as a backup.
 * @throws Failure 65 when the file is itself a mount, 74 on any other trouble. The file is untouched then.
 */
export async function replaceNodesFile(file: NodesFile, text: string): Promise<void> {
  const temporary = `${file.path}${TEMPORARY_SUFFIX}`;
  try {
    await writeBeside(temporary, text, file.stats);
    await assertUnchanged(file);
    await keepBackup(file.path);
    await rename(temporary, file.path);
    await syncDirectory(dirname(file.path));
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    if (isCode(cause, 'EBUSY')) throw mountedFile(file.path, cause);
    throw cause instanceof Failure ? cause : ioFailure(file.path, cause);
  }
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

/**
 * The server opens the file for writing, so owner and mode must survive. Where we may not give the file to
 * its owner, its group (the volume's fsGroup) gets what the owner had; else the server could not start.
 */
async function adoptOwnerAndMode(handle: FileHandle, { uid, gid, mode }: Stats): Promise<void> {
  const permissions = mode & 0o7777;
  const made = await handle.stat();
  if (made.uid === uid && made.gid === gid) return handle.chmod(permissions);
  try {
    await handle.chown(uid, gid);
    return await handle.chmod(permissions);
  } catch (cause) {
    if (!isCode(cause, 'EPERM')) throw cause;
    if (made.gid !== gid) await handle.chown(-1, gid);
    await handle.chmod(permissions | ((permissions & 0o600) >> 3));
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

/** A hard link costs nothing; file systems without them get a synced copy. */
async function keepBackup(path: string): Promise<void> {
  const backup = backupPath(path);
  await unlink(backup).catch((error) => {
    if (!isCode(error, 'ENOENT')) throw error;
  });
  try {
    await link(path, backup);
  } catch (error) {
    if (!isCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV')) throw error;
    await copyFile(path, backup);
    await syncFile(backup);
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Without it a power cut could bring the old name back, or neither. */
async function syncDirectory(path: string): Promise<void> {
  await syncFile(path).catch((error) => {
    // Some network file systems cannot sync a directory; their rename is durable when it returns.
    if (!isCode(error, 'EINVAL', 'EISDIR', 'ENOTSUP', 'EBADF')) throw error;
  });
}

function mountedFile(path: string, cause: unknown): Failure {
  return new Failure(
    exitCodes.refused,
    `${path} is itself a mount, so it cannot be replaced in one step: mount the directory ${dirname(path)} instead of the file ${basename(path)}.`,
    { cause },
  );
}

function ioFailure(path: string, cause: unknown): Failure {
  return new Failure(
    exitCodes.io,
    `${path} cannot be rewritten (${describe(cause)}) and was left as it is: check space, permissions and read-only state of ${join(dirname(path), '.')}.`,
    { cause },
  );
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

function describe(error: unknown): string {
  return (error as Error).message;
}
