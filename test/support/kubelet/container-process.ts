/** One run of a container: a process of this machine with exactly the container's environment. */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Container } from '../kubernetes-api/objects.ts';
import { endWithUs } from '../leave-nothing.ts';
import { type Environment, expand } from './environment.ts';
import type { Translate } from './mounts.ts';

export type ContainerProcess = {
  /** Resolves with the exit code; 128 plus the signal's number when one ended it. */
  exited: Promise<number>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** The last part of what it wrote, at most as much as a termination message holds. */
  logTail(): string;
};

/** Kubernetes: a termination message taken from the log is its last 2048 bytes, or 80 lines. */
const TAIL_BYTES = 2048;
const TAIL_LINES = 80;

export type Entrypoints = Readonly<Record<string, readonly string[]>>;

/** Starts the container; its log is `directory/log`, and `directory` is where it runs. */
export function startContainer(
  container: Container,
  entrypoints: Entrypoints,
  environment: Environment,
  translate: Translate,
  directory: string,
): ContainerProcess {
  const entrypoint = container.command ?? entrypoints[container.image];
  if (!entrypoint) throw new Error(`no command is known for the image ${container.image}`);
  const [command = '', ...args] = [...entrypoint, ...(container.args ?? [])]
    .map((part) => expand(part, environment))
    .map(translate);
  mkdirSync(directory, { recursive: true });
  const log = createWriteStream(join(directory, 'log'), { flags: 'a' });
  const env = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, translate(value)]),
  );
  const child = endWithUs(spawn(command, args, { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] }));
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log.write(text);
      tail = (tail + text).slice(-TAIL_BYTES);
    });
  }
  const exited = new Promise<number>((resolve) => {
    child.once('error', (error) => {
      tail += error.message;
      log.end();
      resolve(EXIT_CANNOT_START);
    });
    child.once('close', (code, signal) => {
      log.end();
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
  return {
    exited,
    kill: (signal) => child.kill(signal),
    logTail: () => tail.trimEnd().split('\n').slice(-TAIL_LINES).join('\n'),
  };
}

/** What container runtimes report when the command cannot be started. */
const EXIT_CANNOT_START = 128;
