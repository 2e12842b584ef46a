/**
 * The keeper of one machine: starts its processes, ends them when asked, and ends all of them when the test
 * process is gone, whether that closed its end of the channel, crashed or was killed.
 *
 * usage: keeper.ts DIRECTORY (with an IPC channel)
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';
import type { Message, Request } from './keeper-protocol.ts';

const directory = process.argv[2] ?? '';
const running = new Map<string, ChildProcess>();

process.on('disconnect', () => {
  for (const child of running.values()) child.kill('SIGKILL');
  process.exit(0);
});
process.on('message', async (request: Request) => {
  try {
    send({ answerTo: request.id, ok: true, output: await answer(request) });
  } catch (error) {
    send({ answerTo: request.id, ok: false, message: error instanceof Error ? error.message : `${error}` });
  }
});
mkdirSync(join(directory, 'logs'), { recursive: true });
send({ ready: true });

async function answer(request: Request): Promise<string> {
  switch (request.do) {
    case 'run':
      return run(request.command, request.stdin === undefined ? {} : { stdin: request.stdin });
    case 'start':
      return start(request.name, request.command, request.env);
    case 'kill':
      return kill(request.name);
  }
}

/** Its output is appended to logs/NAME.log. */
function start(name: string, [file = '', ...args]: readonly string[], env: Record<string, string>) {
  const log = openSync(join(directory, 'logs', `${name}.log`), 'a');
  const child = spawn(file, args, {
    cwd: directory,
    env: { ...process.env, ...env, NODE_CHANNEL_FD: undefined },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  running.set(name, child);
  child.on('exit', (status, signal) => {
    // A killed one is taken out of the map first.
    if (running.get(name) === child) send({ ended: name, how: signal ?? `status ${status}` });
    if (running.get(name) === child) running.delete(name);
  });
  return new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('spawn', () => resolve(`${child.pid}`));
  });
}

function kill(name: string): Promise<string> {
  const child = running.get(name);
  if (!child) return Promise.reject(new Error(`${name} is not running`));
  running.delete(name);
  return new Promise((resolve) => {
    child.on('exit', () => resolve(''));
    child.kill('SIGKILL');
  });
}

function send(message: Message): void {
  if (process.connected) process.send?.(message);
}
