/** The mounted ConfigMap: one file per key. The kubelet may serve it a minute late; that is allowed for. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Key -> value; empty where the ConfigMap did not exist when the pod was made (the volume is optional). */
export async function readMountedMap(directory: string): Promise<Record<string, string>> {
  const names = await readdir(directory).catch(() => []);
  // `..data` and its kin are the kubelet's own.
  const keys = names.filter((name) => !name.startsWith('..'));
  const pairs = await Promise.all(
    keys.map(async (key) => [key, await readFile(join(directory, key), 'utf8').catch(() => null)] as const),
  );
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== null));
}
