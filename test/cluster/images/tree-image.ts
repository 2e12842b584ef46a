import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../kubernetes/cache.ts';
import { withBuildah } from './buildah.ts';
import { imageKind } from './image-kind.ts';
import { fingerprint, type RootTree, writeRootTree } from './root-tree.ts';

export type TreeImage = {
  /** Name under which a pod asks for it, with a tag. */
  tag: string;
  tree: RootTree;
  entrypoint: string[];
  env?: Record<string, string>;
  user?: string;
};

/**
 * An image made of files of this machine.
 *
 * @returns the path of its docker-archive. `docker-archive:PATH` serves as base image of a Dockerfile.
 */
export async function treeImage(image: TreeImage): Promise<string> {
  const key = createHash('sha256')
    .update(await fingerprint(image.tree))
    .update(JSON.stringify(image))
    .digest('hex');
  const directory = await cached(
    imageKind(image.tag),
    key.slice(0, 16),
    `making the image ${image.tag}`,
    5,
    async (target) => {
      const root = join(target, 'root');
      mkdirSync(root);
      await writeRootTree(root, image.tree);
      await withBuildah(target, async (buildah) => {
        const container = (await buildah(['from', 'scratch'])).trim();
        await buildah(['copy', '--quiet', container, root, '/']);
        const settings = [
          ['--entrypoint', JSON.stringify(image.entrypoint)],
          ...Object.entries(image.env ?? {}).map(([name, value]) => ['--env', `${name}=${value}`]),
          ...(image.user ? [['--user', image.user]] : []),
        ];
        await buildah(['config', ...settings.flat(), container]);
        const archive = `docker-archive:${target}/image.tar:${image.tag}`;
        await buildah(['commit', '--quiet', '--format', 'docker', container, archive]);
      });
      rmSync(root, { recursive: true });
    },
  );
  return join(directory, 'image.tar');
}
