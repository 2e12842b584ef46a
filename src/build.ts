/** Makes the two programs of the images: one bundled file each, so that an image holds nothing else. */
import { build } from 'esbuild';

/** Source entry -> bundle. */
const programs = { 'src/updater/main.ts': 'dist/updater.js', 'src/webhook/main.ts': 'dist/webhook.js' };

/** Bundles both programs into `dist`; resolves with their sizes in bytes by file. */
export async function buildPrograms(): Promise<Record<string, number>> {
  const sizes = await Promise.all(Object.entries(programs).map(([entry, outfile]) => bundle(entry, outfile)));
  return Object.fromEntries(sizes);
}

async function bundle(entry: string, outfile: string): Promise<[string, number]> {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    metafile: true,
    legalComments: 'none',
    // CommonJS dependencies inside an ES module still want `require`.
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
  });
  return [outfile, metafile.outputs[outfile]?.bytes ?? 0];
}

if (import.meta.main) {
  for (const [file, bytes] of Object.entries(await buildPrograms())) {
    process.stdout.write(`${file}: ${(bytes / 1024).toFixed(1)} KB\n`);
  }
}
