/** Whether a path is itself a mount: such a file cannot be renamed over. */
import { readFile } from 'node:fs/promises';

/** As the kernel lists it; false where there is no such list. */
export async function isMountPoint(path: string): Promise<boolean> {
  return mountPoints(await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')).includes(path);
}

/** The fifth field of each line of mountinfo (proc_pid_mountinfo(5)), its octal escapes undone. */
export function mountPoints(mountinfo: string): string[] {
  return mountinfo
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ')[4] ?? '')
    .map((path) =>
      path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
}
