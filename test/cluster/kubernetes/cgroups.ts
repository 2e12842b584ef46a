import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.ts';

const ROOT = '/sys/fs/cgroup';

/** The top of every hierarchy: one for cgroup v2, one for each controller of v1. */
export function hierarchies(): string[] {
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return [ROOT];
  if (!existsSync(ROOT)) return [];
  return readdirSync(ROOT)
    .map((controller) => join(ROOT, controller))
    .filter((directory) => existsSync(join(directory, 'cgroup.procs')));
}

/** Makes the cgroup `name` at the top of every hierarchy; the kubelet wants its root to be there. */
export function createCgroups(name: string): void {
  for (const top of hierarchies()) mkdirSync(join(top, name), { recursive: true });
}

/** Host process ids in the cgroup `name` and below, each once. */
export function processesInCgroups(name: string): number[] {
  const found = new Set<number>();
  for (const directory of trees(name)) {
    const lines = unlessGone(() => readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n')) ?? [];
    for (const line of lines) if (line !== '' && line !== '0') found.add(Number(line));
  }
  return [...found];
}

/** Ends the processes that are in the cgroup `name` and below, and waits until none of them is left. */
export async function killProcessesInCgroups(name: string): Promise<void> {
  const pids = new Set(processesInCgroups(name));
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // It ended in between.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await until(`all processes of the cgroup ${name} have ended`, 10_000, () =>
    processesInCgroups(name).every((pid) => !pids.has(pid)),
  );
}

/** Every cgroup directory of that name and below, parents first. */
function trees(name: string): string[] {
  return hierarchies()
    .map((top) => join(top, name))
    .filter((directory) => existsSync(directory))
    .flatMap(withDescendants);
}

function withDescendants(directory: string): string[] {
  const entries = unlessGone(() => readdirSync(directory, { withFileTypes: true })) ?? [];
  const children = entries.filter((entry) => entry.isDirectory());
  return [directory, ...children.flatMap((child) => withDescendants(join(directory, child.name)))];
}

/** Reads of a cgroup that its container runtime may be removing just now. */
function unlessGone<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch (error) {
    // ENODEV: it was opened before it went.
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
