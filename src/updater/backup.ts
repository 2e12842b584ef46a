/** The content before our last change, beside nodes.conf. */
import { copyFile, link, open, unlink } from 'node:fs/promises';
import { isCode } from './system-error.ts';

/** Fixed, so that there is one, and so that it is never taken for a misplaced nodes.conf. */
export const BACKUP_SUFFIX = '.redis-ip-updater.bak';

/** Where the previous content stays. */
export function backupPath(path: string): string {
  return `${path}${BACKUP_SUFFIX}`;
}

/**
 * Keeps what `path` is now, under the backup's name. A hard link costs nothing: the file itself is about to be
 * replaced, not written. File systems without hard links get a synced copy; `linkFile` is theirs in tests.
 */
export async function keepBackup(path: string, linkFile: typeof link = link): Promise<void> {
  const backup = backupPath(path);
  await unlink(backup).catch((error) => {
    if (!isCode(error, 'ENOENT')) throw error;
  });
  try {
    await linkFile(path, backup);
  } catch (error) {
    if (!isCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV')) throw error;
    await copyFile(path, backup);
    const handle = await open(backup, 'r');
    await handle.sync().finally(() => handle.close());
  }
}
