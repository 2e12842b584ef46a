/** The system calls that a program makes on some paths: recorded, and one of them made to fail, stop or kill. */
import { existsSync, readFileSync } from 'node:fs';

export type Call = {
  /** Thread that made it. */
  thread: number;
  /** As the kernel of this machine calls it: `rename` or `renameat`. */
  name: string;
  /** The call with its arguments; descriptors are followed by their paths. */
  text: string;
  /** What it returned; `?` if it killed the caller. */
  result: string;
};

/** Ends with the test, whatever ends that: a program that strace has stopped would stay for ever. */
const DIES_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL'];

/**
 * What to put before a command: its calls on `paths` go to the file `record`. Injections are those of strace(1),
 * `rename:signal=KILL:when=1`; a call is counted among those of its name on these paths, by thread, so that the
 * program should have one thread for files (UV_THREADPOOL_SIZE=1).
 */
export function straced(record: string, paths: readonly string[], injections: readonly string[]): string[] {
  return [
    ...DIES_WITH_PARENT,
    ...['strace', '-f', '-qq', '-y', '-s', '0', '-o', record],
    ...paths.flatMap((path) => ['-P', path]),
    ...injections.flatMap((injection) => ['-e', `inject=${injection}`]),
    ...DIES_WITH_PARENT,
  ];
}

/** The recorded calls, in their order. */
export function readCalls(record: string): Call[] {
  const lines = readFileSync(record, 'latin1').matchAll(/^(\d+) +(\w+)(\(.*\)) += (.*)$/gm);
  return [...lines].map(([, thread, name = '', args = '', result = '']) => ({
    thread: Number(thread),
    name,
    text: name + args,
    result,
  }));
}

/** The thread that a SIGSTOP has stopped, once that is recorded. */
export function stoppedThread(record: string): number | undefined {
  if (!existsSync(record)) return undefined;
  const [, thread] = /^(\d+) +--- stopped by SIGSTOP ---$/m.exec(readFileSync(record, 'latin1')) ?? [];
  return thread === undefined ? undefined : Number(thread);
}

/** The injection that does `what` (`signal=KILL`, `error=EIO`) at one of the calls of an earlier record. */
export function injectionAt(calls: readonly Call[], index: number, what: string): string {
  const name = calls[index]?.name;
  const nth = calls.slice(0, index + 1).filter((call) => call.name === name).length;
  return `${name}:${what}:when=${nth}`;
}
