/** The webhook's program as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';

type LogLine = { msg: string; level: number; port?: number; managementPort?: number; exitCode?: number };

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
