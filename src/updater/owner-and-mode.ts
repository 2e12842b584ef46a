/** The server opens nodes.conf for writing, so owner and mode must survive its replacement. */
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { isCode } from './system-error.ts';

/**
 * Gives a file that we made the owner, group and mode of another. Where we may not give it to its owner, its
 * group (the volume's fsGroup) gets what the owner had; else the server could not open it.
 */
export async function adoptOwnerAndMode(
  handle: Pick<FileHandle, 'stat' | 'chown' | 'chmod'>,
  { uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>,
): Promise<void> {
  const permissions = mode & 0o7777;
  const made = await handle.stat();
  if (made.uid === uid && made.gid === gid) return handle.chmod(permissions);
  try {
    await handle.chown(uid, gid);
    return await handle.chmod(permissions);
  } catch (error) {
    if (!isCode(error, 'EPERM')) throw error;
    if (made.gid !== gid) await handle.chown(-1, gid);
    await handle.chmod(permissions | ((permissions & 0o600) >> 3));
  }
}
