/**
 * Makes a machine ready for a tier of tests, before their clocks run: builds what is to be built once, installs
 * what is missing.
 *
 * usage: prepare.ts integration|volume|servers|cluster|existing-cluster
 */
import { Failure } from '../../../src/errors.ts';
import { installServers } from '../servers/debian-servers.ts';
import { binaries } from './build.ts';
import { requirePackages } from './packages.ts';
import { say } from './say.ts';
import { requireStrace } from './strace.ts';

const tiers: Record<string, () => Promise<void>> = {
  async integration() {
    await binaries('v1.36');
    await binaries('v1.34');
    await binaries('helm');
  },
  servers: installServers,
  volume: requireStrace,
  async 'existing-cluster'() {
    await requirePackages();
    await binaries('helm');
  },
  async cluster() {
    // First what may be refused, then what takes long.
    await requirePackages();
    await binaries('v1.36');
    await binaries('helm');
  },
};

try {
  const tier = process.argv[2] ?? '';
  const prepare = tiers[tier];
  if (!prepare) throw new Failure(64, `prepare.ts knows ${Object.keys(tiers).join(' and ')}, not "${tier}"`);
  await prepare();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  say(error.message);
  process.exitCode = error.exitCode;
}
