/**
 * Removes what a machine leaves when all its processes have ended: its cgroups, which carry its name, and its
 * directory, below which nothing is mounted any more.
 *
 * usage: sweep.ts DIRECTORY
 *
 * KEEP_MACHINES=1 keeps the directory, for whoever wants to read the logs.
 */

import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { removeCgroups } from './cgroups.ts';
import { PREFIX } from './machine-directory.ts';

const directory = process.argv[2] ?? '';
const name = basename(directory);
// Whatever goes wrong elsewhere, no other directory than a machine's is ever removed.
if (!name.startsWith(PREFIX)) throw new Error(`${directory} is not the directory of a machine`);

await removeCgroups(name);
if (process.env.KEEP_MACHINES !== '1') {
  // A process that the kernel is just ending may still write.
  rmSync(join(directory), { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
