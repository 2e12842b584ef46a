/** Whether a process still runs (Linux: read from /proc). */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A zombie has ended: in a container without an init process nobody may ever collect it. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits a moment for a process that was just killed to be gone; says whether it is. */
export async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 50 && isRunning(pid); tries += 1) await sleep(10);
  return !isRunning(pid);
}
