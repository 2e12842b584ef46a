import { buildPrograms } from '../../../src/build.ts';
import { buildImage, type ImageBuild } from './build-image.ts';
import { nodeBuilderImage, nodeImage } from './stand-ins.ts';

/** The targets of the Dockerfile: the names of the images in the chart. */
export const productTags = {
  webhook: 'localhost/redis-ip-updater-webhook:test',
  updater: 'localhost/redis-ip-updater:test',
} as const;

export type Target = keyof typeof productTags;

/** What the build is told; the test of the images looks for it in the labels. */
export const RELEASE = { VERSION: '1.2.3', REVISION: 'abc123' };

const PACKAGE = ['package.json', 'package-lock.json', '.npmrc'];
const PROGRAMS = {
  /** As a release is built: npm and the bundler run within. */
  build: [...PACKAGE, 'tsconfig.json', 'src'],
  /** With the programs of `npm run build`: half a minute less, and no npm registry. */
  prebuilt: [...PACKAGE, 'dist'],
};

/**
 * Builds an image of ours by the Dockerfile, on the stand-ins of its base images.
 *
 * @returns the path of its docker-archive
 */
export async function productImage(
  target: Target,
  programs: keyof typeof PROGRAMS = 'prebuilt',
): Promise<string> {
  if (programs === 'prebuilt') await buildPrograms();
  const build: ImageBuild = {
    dockerfile: 'Dockerfile',
    context: '.',
    inputs: PROGRAMS[programs],
    target,
    buildArgs: {
      NODE_BUILD_IMAGE: `docker-archive:${await nodeBuilderImage()}`,
      NODE_RUNTIME_IMAGE: `docker-archive:${await nodeImage()}`,
      // `build` is the default: what is tested is that it is.
      ...(programs === 'prebuilt' ? { PROGRAMS: programs } : {}),
      ...RELEASE,
    },
    tag: programs === 'prebuilt' ? productTags[target] : `${productTags[target]}-built`,
  };
  return buildImage(build);
}
