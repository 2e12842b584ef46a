import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Directories, cgroups and CNI networks of machines begin with this; machine.sh removes nothing else. */
export const PREFIX = 'redis-ip-updater-';

/** A new directory; its last part is the machine's name. Short, because Unix sockets allow 107 bytes. */
export function createMachineDirectory(): string {
  return mkdtempSync(join(tmpdir(), PREFIX));
}
