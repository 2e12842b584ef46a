/** Makes the two programs of the images: one bundled file each, so that an image holds nothing else. */
import { join } from 'node:path';
import { build } from 'esbuild';

/** CommonJS dependencies inside an ES module still want `require`. */
const REQUIRE =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

/** Before anything is evaluated: an older Node fails somewhere within a dependency, with a page of its source. */
const NODE_GUARD = [
  'if(parseInt(process.versions.node)<24){',
  "process.stderr.write('This program needs Node 24 or later, and this is '+process.version+'.\\n');",
  'process.exit(64)}',
].join('');

/** Source entry -> bundle. */
const programs = { 'src/updater/main.ts': 'updater.js', 'src/webhook/main.ts': 'webhook.js' };

/** Bundles both programs into a directory; resolves with their sizes in bytes by file. */
export async function buildPrograms(directory = 'dist'): Promise<Record<string, number>> {
  const sizes = await Promise.all(
    Object.entries(programs).map(([entry, file]) => bundle(entry, join(directory, file))),
  );
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
    banner: { js: `${REQUIRE}\n${NODE_GUARD}` },
  });
  return [outfile, metafile.outputs[outfile]?.bytes ?? 0];
}

if (import.meta.main) {
  for (const [file, bytes] of Object.entries(await buildPrograms())) {
    process.stdout.write(`${file}: ${(bytes / 1024).toFixed(1)} KB\n`);
  }
}
