import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What is to be found of a machine on this host, each trace as one line; empty after a complete `stop`.
 *
 * @param name the machine's name: every process of it has that in its command line, environment, working
 *   directory or cgroup, every mount in its source or target
 */
export function traces(name: string): string[] {
  const directories = [join(tmpdir(), name), ...cgroupsNamed(name)].filter((path) => existsSync(path));
  return [
    ...directories.map((path) => `directory ${path}`),
    ...processes().flatMap(({ pid, about, mounts }) => [
      ...(about.includes(name) ? [`process ${pid}: ${about.split('\0', 3).join(' ')}`] : []),
      ...(mounts.includes(name) ? [`mount seen by process ${pid}`] : []),
    ]),
  ];
}

function cgroupsNamed(name: string): string[] {
  const root = '/sys/fs/cgroup';
  if (!existsSync(root)) return [];
  return [root, ...readdirSync(root).map((controller) => join(root, controller))].map((top) =>
    join(top, name),
  );
}

function processes(): { pid: string; about: string; mounts: string }[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && entry !== `${process.pid}`)
    .map((pid) => ({
      pid,
      about:
        ['cmdline', 'environ', 'cgroup'].map((file) => read(pid, file)).join('\0') + workingDirectory(pid),
      mounts: read(pid, 'mountinfo'),
    }));
}

/** Empty for a process that has just ended, or that we may not look at. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
