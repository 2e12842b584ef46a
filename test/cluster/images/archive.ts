import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../kubernetes/command.ts';

export type Layer = {
  /** Uncompressed, tar's own blocks included. */
  bytes: number;
  /** Path -> mode as `ls` writes it; directories end with a slash. */
  files: Record<string, string>;
};

export type ImageArchive = {
  /** What a container runtime reads: User, Entrypoint, Env, Labels. */
  config: { User?: string; Entrypoint?: string[]; Env?: string[]; Labels?: Record<string, string> };
  /** From the base upwards. */
  layers: Layer[];
  /** The content of a file of the topmost layer. */
  read(path: string): Promise<Buffer>;
};

/** Lends the content of a docker-archive. */
export async function withArchive<T>(archive: string, use: (image: ImageArchive) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'redis-ip-updater-archive-'));
  try {
    await run(['tar', '--extract', `--file=${archive}`, `--directory=${directory}`]);
    const json = (name: string) => JSON.parse(readFileSync(join(directory, name), 'utf8'));
    const [manifest] = json('manifest.json');
    const paths: string[] = manifest.Layers.map((name: string) => join(directory, name));
    return await use({
      config: json(manifest.Config).config,
      layers: await Promise.all(paths.map(readLayer)),
      async read(path) {
        const top = paths.at(-1) ?? '';
        await run(['tar', '--extract', `--file=${top}`, `--directory=${directory}`, path]);
        return readFileSync(join(directory, path));
      },
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function readLayer(path: string): Promise<Layer> {
  const listing = await run(['tar', '--list', '--verbose', '--numeric-owner', `--file=${path}`]);
  // mode owner/group size date time path
  const lines = listing.split('\n').filter((line) => line !== '');
  const files = lines.map((line) => {
    const [mode = '', , , , , ...name] = line.split(/\s+/);
    return [name.join(' '), mode];
  });
  return { bytes: statSync(path).size, files: Object.fromEntries(files) };
}
