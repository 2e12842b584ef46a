import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cached } from '../kubernetes/cache.ts';
import { withBuildah } from './buildah.ts';
import { imageKind } from './image-kind.ts';

export type ImageBuild = {
  /** Path of the Dockerfile. */
  dockerfile: string;
  /** The directory that COPY refers to. */
  context: string;
  /** Files and directories of the context that the build may see, relative to it; nothing else is there. */
  inputs: string[];
  target?: string;
  /** A base image is named by the archive of a stand-in: `docker-archive:PATH`. */
  buildArgs?: Record<string, string>;
  /** Name under which a pod asks for the image, with a tag. */
  tag: string;
};

/**
 * Builds a target of a Dockerfile, unless it was built from the same content before.
 *
 * @returns the path of its docker-archive
 */
export async function buildImage(build: ImageBuild): Promise<string> {
  const { dockerfile, context, inputs, target, buildArgs = {}, tag } = build;
  const hash = createHash('sha256').update(JSON.stringify([target, buildArgs, tag]));
  hash.update(readFileSync(dockerfile));
  for (const file of inputs.flatMap((input) => filesBelow(context, input)).sort()) {
    const path = join(context, file);
    hash.update(`\0${file}\0${statSync(path).mode}\0`).update(readFileSync(path));
  }
  const what = `building the image ${tag}`;
  const directory = await cached(
    imageKind(tag),
    hash.digest('hex').slice(0, 16),
    what,
    30,
    async (result) => {
      const staged = join(result, 'context');
      mkdirSync(staged);
      try {
        for (const input of inputs) {
          mkdirSync(dirname(join(staged, input)), { recursive: true });
          cpSync(join(context, input), join(staged, input), { recursive: true });
        }
        await withBuildah(result, async (buildah) => {
          await buildah([
            'build',
            '--quiet',
            '--format=docker',
            `--file=${dockerfile}`,
            ...(target ? [`--target=${target}`] : []),
            ...Object.entries(buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`),
            `--tag=${tag}`,
            staged,
          ]);
          await buildah(['push', '--quiet', tag, `docker-archive:${result}/image.tar:${tag}`]);
        });
      } finally {
        rmSync(staged, { recursive: true, force: true });
      }
    },
  );
  return join(directory, 'image.tar');
}

/** The files of an input, relative to the context. */
function filesBelow(context: string, input: string): string[] {
  if (!statSync(join(context, input)).isDirectory()) return [input];
  return readdirSync(join(context, input)).flatMap((name) => filesBelow(context, join(input, name)));
}
