import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, Failure } from '../../../src/errors.ts';
import { cached } from './cache.ts';
import { commandPath, run } from './command.ts';
import { commandName, linkerFlags, type Module, parseModule } from './modules.ts';
import { say } from './say.ts';

/** The modules beside this file: two versions of Kubernetes (1.34 without a node), and helm. */
export type ModuleName = 'v1.36' | 'v1.34' | 'helm';

/** Measured on two cores with nothing in Go's own cache. */
const typicallySeconds: Record<ModuleName, number> = { 'v1.36': 460, 'v1.34': 500, helm: 240 };

/**
 * The directory that holds the commands of a module, built from its sources the first time.
 *
 * @throws Failure (69) where there is no Go
 */
export async function binaries(name: ModuleName): Promise<string> {
  const directory = join(import.meta.dirname, name);
  const goVersion = await installedGo(name);
  const key = createHash('sha256').update(goVersion);
  for (const file of ['go.mod', 'go.sum']) key.update(readFileSync(join(directory, file)));
  const module = parseModule(readFileSync(join(directory, 'go.mod'), 'utf8'));
  const what = `building ${module.tools.map(commandName).join(', ')} of ${module.kubernetes ?? name}`;
  return cached(`binaries-${name}`, key.digest('hex').slice(0, 16), what, typicallySeconds[name], (target) =>
    build(directory, module, target),
  );
}

/** One command after another: they share their packages by Go's cache, and each is a sign of life. */
async function build(directory: string, module: Module, target: string): Promise<void> {
  for (const tool of module.tools) {
    const startedAt = performance.now();
    await run(['go', 'build', '-trimpath', '-ldflags', linkerFlags(module), '-o', `${target}/`, tool], {
      cwd: directory,
      // A go.work or flags of the developer's own must not change what is built.
      env: { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=readonly -buildvcs=false' },
    });
    say(`  ${commandName(tool)}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  }
}

async function installedGo(name: ModuleName): Promise<string> {
  if (!(await commandPath('go'))) {
    throw new Failure(
      exitCodes.unavailable,
      `Go 1.26 or later is needed to build ${name} for the tests with a real Kubernetes, and there is no \`go\` on the PATH: install it (go.dev/dl), or run only the other tests with \`npm run test:unit\`.`,
    );
  }
  return (await run(['go', 'env', 'GOVERSION', 'GOOS', 'GOARCH'])).trim();
}
