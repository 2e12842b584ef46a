/**
 * Processes and directories that must not outlive this one: gone at its end, whether that comes by itself, by an
 * error that nobody caught, or by Ctrl-C. (Nothing helps against SIGKILL.)
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

const children = new Set<ChildProcess>();
const directories = new Set<string>();
let installed = false;

/** Takes care that a process ends with ours at the latest. */
export function endWithUs<T extends ChildProcess>(child: T): T {
  install();
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.once('error', () => child.pid === undefined && children.delete(child));
  return child;
}

/** Makes a directory under the system's temporary one; `keep` leaves it there for a look afterwards. */
export function temporaryDirectory(prefix: string, { keep = false } = {}): string {
  install();
  const directory = mkdtempSync(join(tmpdir(), prefix));
  if (!keep) directories.add(directory);
  return directory;
}

/** Removes a directory of `temporaryDirectory` before the end. */
export function removeDirectory(directory: string): void {
  // A server that was just killed may still have been adding a file.
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  directories.delete(directory);
}

function install(): void {
  if (installed) return;
  installed = true;
  process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
    for (const directory of directories) removeDirectory(directory);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
}
