/** What a power cut asks of the order of calls: see fsync(2) on files and on directories, and rename(2). */
import { dirname } from 'node:path';
import type { Call } from './strace.ts';
import { BACKUP, TEMPORARY } from './volume.ts';

/**
 * What is wrong with the way in which `path` was replaced; empty if a power cut after any of the calls leaves the
 * old content or the new one, and after the last of them the new one, with what it was before beside it.
 */
export function unsafeSteps(calls: readonly Call[], path: string): string[] {
  const done = calls.filter(({ result }) => !result.startsWith('-1'));
  const temporary = new Steps(done, path + TEMPORARY);
  const backup = new Steps(done, path + BACKUP);
  const directory = new Steps(done, dirname(path));
  const renamed = done.findIndex(
    ({ name, text }) =>
      name.startsWith('rename') && text.includes(`"${path + TEMPORARY}"`) && text.includes(`"${path}"`),
  );
  if (renamed === -1) return [`nothing is renamed to ${path}`];
  const next = done.findIndex(({ name }, place) => name.startsWith('rename') && place > renamed);
  const linked = done.findIndex(
    ({ name, text }) => name.startsWith('link') && text.includes(`"${path + BACKUP}"`),
  );
  const problems: Record<string, boolean> = {
    'the temporary file may be one that was there': !temporary.opened('O_EXCL'),
    'the temporary file is not written before the rename': !(temporary.firstChange < renamed),
    'the temporary file is changed after its sync, or not synced': !(
      temporary.lastChange < temporary.lastSync
    ),
    'the temporary file is renamed before its sync': !(temporary.lastSync < renamed),
    'there is no whole backup before the rename': !(
      (linked !== -1 && linked < renamed) ||
      (backup.lastChange < backup.lastSync && backup.lastSync < renamed)
    ),
    'the directory is not synced after the rename and before the next': !directory.isSyncedBetween(
      renamed,
      next,
    ),
  };
  return Object.keys(problems).filter((problem) => problems[problem]);
}

const CHANGE = /^(p?write|copy_file|sendfile|f(truncate|chown|chmod)|utimens)/;
const SYNC = /^f(data)?sync$/;

/** The calls on one file, by their places among all; NaN, which is neither before nor after anything, if none. */
class Steps {
  readonly #calls: readonly Call[];
  readonly #path: string;

  constructor(calls: readonly Call[], path: string) {
    this.#calls = calls;
    this.#path = path;
  }

  opened(flag: string): boolean {
    return this.#calls.some(({ text }) => text.includes(`"${this.#path}"`) && text.includes(flag));
  }

  get firstChange(): number {
    return this.#places(CHANGE).at(0) ?? Number.NaN;
  }

  get lastChange(): number {
    return this.#places(CHANGE).at(-1) ?? Number.NaN;
  }

  get lastSync(): number {
    return this.#places(SYNC).at(-1) ?? Number.NaN;
  }

  /** `end` may be -1: to the last of all calls. */
  isSyncedBetween(start: number, end: number): boolean {
    return this.#places(SYNC).some((place) => place > start && (end === -1 || place < end));
  }

  #places(name: RegExp): number[] {
    return [...this.#calls.keys()].filter((place) => {
      const call = this.#calls[place] as Call;
      return name.test(call.name) && call.text.includes(`<${this.#path}>`);
    });
  }
}
