import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename, join } from 'node:path';
import type { Answer, Message, Request } from './keeper-protocol.ts';
import { createMachineDirectory } from './machine-directory.ts';

/** Processes that live and die together, with one directory for everything they write. */
export type Machine = {
  /** Its directory, gone after `stop`. */
  directory: string;
  /** Last part of the directory; also names its cgroups. */
  name: string;
  /** Runs a command in the machine to its end; returns its stdout, throws for a status other than 0. */
  run(command: readonly string[], stdin?: string): Promise<string>;
  /** Starts a process of the machine; its output goes to `logs/NAME.log`. Returns its id inside. */
  start(name: string, command: readonly string[], env?: Record<string, string>): Promise<number>;
  /** Kills one of the started processes (SIGKILL) and waits for its end. */
  kill(name: string): Promise<void>;
  /** Throws, with the end of its log, if a started process ended by itself. */
  throwIfEnded(): void;
  /** Host process id whose network namespace is that of an isolated machine. */
  pid(): number;
  /** Ends all processes and removes all traces. */
  stop(): Promise<void>;
};

/**
 * Starts an empty machine. It ends with `stop`, or when this process ends for whatever reason, a SIGKILL
 * included: a keeper of its own session watches.
 *
 * @param kind `isolated` (needs root on Linux): with a network, mounts and process ids of its own
 */
export async function startMachine(kind: 'plain' | 'isolated'): Promise<Machine> {
  const directory = createMachineDirectory();
  const here = (file: string) => join(import.meta.dirname, file);
  const child = spawn('sh', [here('machine.sh'), kind, directory, process.execPath, here('keeper.ts')], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const keeper = new Keeper(child);
  await keeper.ready;

  const ended = new Map<string, string>();
  keeper.onEnded = (name, how) => ended.set(name, how);
  return {
    directory,
    name: basename(directory),
    run: (command, stdin) => keeper.ask({ do: 'run', command, ...(stdin === undefined ? {} : { stdin }) }),
    async start(name, command, env = {}) {
      ended.delete(name);
      return Number(await keeper.ask({ do: 'start', name, command, env }));
    },
    async kill(name) {
      await keeper.ask({ do: 'kill', name });
    },
    throwIfEnded() {
      for (const [name, how] of ended) {
        throw new Error(`${name} ended by itself (${how}):\n${endOfLog(directory, name)}`);
      }
    },
    pid: () => Number(readFileSync(join(directory, 'pid'), 'utf8')),
    stop: () => keeper.stop(),
  };
}

function endOfLog(directory: string, name: string): string {
  const path = join(directory, 'logs', `${name}.log`);
  return existsSync(path) ? readFileSync(path, 'utf8').slice(-3000) : '';
}

/** The test process's end of the channel. It keeps this process alive only while an answer is awaited. */
class Keeper {
  readonly ready: Promise<void>;
  onEnded: (name: string, how: string) => void = () => {};
  #child: ChildProcess;
  #nextId = 1;
  #waiting = new Map<number, (answer: Answer) => void>();
  #stderr = '';
  #exit: Promise<number | null>;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stderr += chunk;
    });
    // Not 'close': Node never emits it for a child whose channel we closed.
    this.#exit = new Promise((resolve) => child.on('exit', resolve));
    this.ready = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', () => reject(new Error(`the machine did not start: ${this.#stderr}`)));
      child.on('message', (message: Message) => {
        if ('ready' in message) resolve();
        else if ('ended' in message) this.onEnded(message.ended, message.how);
        else this.#settle(message);
      });
    });
    this.ready.then(
      () => this.#letProcessEnd(),
      () => {},
    );
    child.on('exit', () => {
      for (const id of [...this.#waiting.keys()]) {
        this.#settle({ answerTo: id, ok: false, message: `the machine has ended: ${this.#stderr}` });
      }
    });
  }

  ask(request: WithoutId<Request>): Promise<string> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (answer) =>
        answer.ok ? resolve(answer.output) : reject(new Error(answer.message)),
      );
      this.#child.channel?.ref();
      this.#child.send({ id, ...request }, (error) => {
        if (error) this.#settle({ answerTo: id, ok: false, message: error.message });
      });
    });
  }

  async stop(): Promise<void> {
    this.#child.ref();
    (this.#child.stderr as Socket | null)?.ref();
    if (this.#child.connected) this.#child.disconnect();
    const status = await this.#exit;
    if (status !== 0) throw new Error(`the machine was not swept: ${this.#stderr}`);
  }

  #settle(answer: Answer): void {
    this.#waiting.get(answer.answerTo)?.(answer);
    this.#waiting.delete(answer.answerTo);
    if (this.#waiting.size === 0) this.#child.channel?.unref();
  }

  #letProcessEnd(): void {
    this.#child.unref();
    if (this.#waiting.size === 0) this.#child.channel?.unref();
    (this.#child.stderr as Socket | null)?.unref();
  }
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
