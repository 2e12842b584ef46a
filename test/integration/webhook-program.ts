/** The webhook's program as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { loadAll } from 'js-yaml';
import type { Test } from 'tap';

type LogLine = { msg: string; level: number; port?: number; managementPort?: number; exitCode?: number };

// biome-ignore lint/suspicious/noExplicitAny: the chart's values
const [values] = loadAll(readFileSync('deploy/chart/values.yaml', 'utf8')) as any[];
/** The limit of the chart. */
export const MEMORY_MIB = Number.parseInt(values.resources.limits.memory, 10);
/** What node takes of it for its heap; here it would see the whole machine. */
export const HEAP_MIB = 259;

const SOURCE = new URL('../../src/webhook/main.ts', import.meta.url).pathname;

/** Starts it with that environment alone, and node's options and program as given. */
export function startWebhookProcess(t: Test, env: Record<string, string>, command: string[] = [SOURCE]) {
  const child: ChildProcess = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const log: LogLine[] = [];
  const waiting: { msg: string; resolve: (line: LogLine) => void }[] = [];
  if (!child.stdout) throw new Error('no stdout');
  createInterface(child.stdout).on('line', (text) => {
    const line: LogLine = JSON.parse(text);
    log.push(line);
    for (const { msg, resolve } of waiting) if (line.msg === msg) resolve(line);
  });
  const logged = (msg: string) => new Promise<LogLine>((resolve) => waiting.push({ msg, resolve }));
  return { child, log, logged, exited: once(child, 'close') };
}

/** What the process had in memory at most so far; undefined where the system does not say. */
export function peakMib({ pid }: ChildProcess): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}
