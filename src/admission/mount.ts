import { posix } from 'node:path';
import type { Container, Volume, VolumeMount } from './shapes.ts';

/** Volumes that do not outlive the pod, or that redis cannot write: no nodes.conf survives on them. */
const NOT_PERSISTENT = [
  'emptyDir',
  // A generic ephemeral volume is deleted with its pod.
  'ephemeral',
  // An inline CSI volume lives as long as its pod; a persistent one comes through a claim.
  'csi',
  'configMap',
  'secret',
  'projected',
  'downwardAPI',
  'gitRepo',
  'image',
] as const;

/** The container's mount that holds `path`: the one with the longest mount path above it. */
export function coveringMount(container: Container, path: string): VolumeMount | undefined {
  const covering = (container.volumeMounts ?? []).filter((mount) => covers(mount.mountPath, path));
  return covering.reduce<VolumeMount | undefined>(
    (best, mount) => (best && depth(best.mountPath) >= depth(mount.mountPath) ? best : mount),
    undefined,
  );
}

/** The same, if its volume outlives the pod. A volume that the pod does not list is no volume. */
export function persistentMount(
  container: Container,
  volumes: readonly Volume[],
  path: string,
): VolumeMount | undefined {
  const mount = coveringMount(container, path);
  const volume = volumes.find(({ name }) => name === mount?.name);
  if (!volume || NOT_PERSISTENT.some((source) => volume[source])) return undefined;
  return mount;
}

/** Whether `path` is `directory` or below it. */
export function covers(directory: string, path: string): boolean {
  const parent = posix.normalize(`${directory}/`);
  return `${path}/`.startsWith(parent);
}

function depth(mountPath: string): number {
  return posix.normalize(`${mountPath}/`).length;
}
