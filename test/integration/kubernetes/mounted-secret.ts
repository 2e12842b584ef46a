/** A Secret's keys as files, changed as a kubelet changes them (its AtomicWriter). */
import { lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Fills a mounted directory: the files lie in a directory of their own, `..data` leads to it and is swapped in one
 * step, the names that the program opens lead through `..data`, and the former directory goes.
 *
 * @param data as in a Secret: base64
 */
export function mountSecret(directory: string, data: Record<string, string>): void {
  const link = join(directory, '..data');
  const former = lstatSync(link, { throwIfNoEntry: false }) && readlinkSync(link);
  const name = `..${Date.now()}_${process.hrtime.bigint()}`;
  mkdirSync(join(directory, name), { recursive: true });
  for (const [key, value] of Object.entries(data))
    writeFileSync(join(directory, name, key), Buffer.from(value, 'base64'), { mode: 0o440 });
  symlinkSync(name, `${link}_tmp`);
  renameSync(`${link}_tmp`, link);
  for (const key of Object.keys(data)) {
    const file = join(directory, key);
    if (!lstatSync(file, { throwIfNoEntry: false })) symlinkSync(join('..data', key), file);
  }
  if (former) rmSync(join(directory, former), { recursive: true });
}
