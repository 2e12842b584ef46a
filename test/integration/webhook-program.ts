/** The webhook's program as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { loadAll } from 'js-yaml';
import type { Test } from 'tap';

export type LogLine = {
  msg: string;
  level: number;
  port?: number;
  managementPort?: number;
  exitCode?: number;
};

// biome-ignore lint/suspicious/noExplicitAny: the chart's values
const [values] = loadAll(readFileSync('deploy/chart/values.yaml', 'utf8')) as any[];
/** The limit of the chart. */
export const MEMORY_MIB = Number.parseInt(values.resources.limits.memory, 10);
/** What node takes of 512 for its heap; here it would see the whole machine. */
const HEAP_MIB = 259;
if (MEMORY_MIB !== 512) throw new Error(`how large is the heap of node in ${MEMORY_MIB} MiB? Measure it`);

const SOURCE = new URL('../../src/webhook/main.ts', import.meta.url).pathname;

/** What it needs besides the way to its API server: free ports, and nobody who would notice a drain. */
const BESIDES = {
  UPDATER_IMAGE: 'redis-ip-updater:1.2.3',
  PORT: '0',
  MANAGEMENT_PORT: '0',
  DRAIN_SECONDS: '0',
};
/** The bundle with the heap that it has in a pod. */
export const AS_IN_A_POD = [`--max-heap-size=${HEAP_MIB}`, 'dist/webhook.js'];

/** Starts it with that environment, what else it needs, and nothing of ours; node's options and program as given. */
export function startWebhookProcess(t: Test, env: Record<string, string>, command: string[] = [SOURCE]) {
  const child: ChildProcess = spawn(process.execPath, command, {
    env: { ...BESIDES, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const log: LogLine[] = [];
  const waiting: { msg: string; resolve(line: LogLine): void; reject(error: Error): void }[] = [];
  if (!child.stdout) throw new Error('no stdout');
  createInterface(child.stdout).on('line', (text) => {
    const line: LogLine = JSON.parse(text);
    log.push(line);
    for (const { msg, resolve } of waiting) if (line.msg === msg) resolve(line);
  });
  child.once('close', () => {
    for (const { msg, reject } of waiting)
      reject(new Error(`it ended before it said ${msg}: ${JSON.stringify(log)}`));
  });
  /** The next line of that message. */
  const logged = (msg: string) =>
    new Promise<LogLine>((resolve, reject) => waiting.push({ msg, resolve, reject }));
  return { child, log, logged, exited: once(child, 'close') };
}

/** The value of a metric, 0 where it is not there (yet). */
export async function readMetric(managementPort: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`redis_ip_updater_${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}

/** What the process had in memory at most so far; undefined where the system does not say. */
export function peakMib({ pid }: ChildProcess): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}
