import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../kubernetes/command.ts';

/** Runs one buildah command; returns its stdout. */
export type Buildah = (args: string[]) => Promise<string>;

/**
 * Lends a buildah with a storage of its own, removed afterwards: images live on as archives only. Plain copies
 * of directories (vfs) and chroot work in every container and virtual machine in which we are root.
 *
 * @param directory for the storage: one that is cleaned up too should this process be killed
 */
export async function withBuildah<T>(directory: string, use: (buildah: Buildah) => Promise<T>): Promise<T> {
  const storage = mkdtempSync(join(directory, '.buildah-'));
  const env = {
    BUILDAH_ISOLATION: 'chroot',
    // Also what a registry's short names and credentials are read from: none.
    XDG_RUNTIME_DIR: storage,
  };
  // With --root buildah does not read STORAGE_DRIVER: it took overlay, and left that mounted.
  const where = ['--storage-driver=vfs', '--root', join(storage, 'root'), '--runroot', join(storage, 'run')];
  try {
    return await use((args) => run(['buildah', ...where, ...args], { env }));
  } finally {
    rmSync(storage, { recursive: true, force: true });
  }
}
