/**
 * Mounts without root: nothing is mounted. A mount path stands for the directory of its volume, and every value,
 * command or argument of the container that begins with a mount path is told that directory instead.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Container } from '../kubernetes-api/objects.ts';
import { type Environment, expand } from './environment.ts';

/** Gives back the same text with the container's path, if it begins with one, as a path of this machine. */
export type Translate = (text: string) => string;

/** Makes the sub-directories that subPath names, as the kubelet does. */
export function mountsOf(
  container: Container,
  volumes: ReadonlyMap<string, string>,
  environment: Environment,
): Translate {
  const mounts = (container.volumeMounts ?? [])
    .map(({ name, mountPath, subPath, subPathExpr }) => {
      const volume = volumes.get(name);
      if (!volume)
        throw new Error(`container ${container.name} mounts ${name}, which is no volume of the pod`);
      const directory = join(volume, expand(subPathExpr ?? subPath ?? '', environment));
      mkdirSync(directory, { recursive: true });
      return { mountPath: mountPath.replace(/\/+$/, ''), directory };
    })
    // The longest first: a mount may lie within another.
    .sort((a, b) => b.mountPath.length - a.mountPath.length);
  return (text) => {
    const mount = mounts.find(({ mountPath }) => text === mountPath || text.startsWith(`${mountPath}/`));
    return mount ? mount.directory + text.slice(mount.mountPath.length) : text;
  };
}
