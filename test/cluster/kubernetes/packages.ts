import { exitCodes, Failure } from '../../../src/errors.ts';
import { commandPath, run } from './command.ts';
import { say } from './say.ts';

/** What a tier takes from Debian, and what whoever cannot give it reads. */
export type PackageNeeds = {
  packages: readonly string[];
  /** A sentence without its full stop: what needs root. */
  root: string;
  /** A clause: what the packages are for. */
  purpose: string;
};

const clusterNeeds: PackageNeeds = {
  packages: [
    'containerd',
    'runc',
    'containernetworking-plugins',
    'iproute2',
    'iptables',
    'conntrack',
    'busybox-static',
    'buildah',
    'debootstrap',
    'redis-server',
  ],
  root: 'The cluster tests start a real kubelet and containerd, for which they need root on Linux: run `sudo npm run test:cluster`, or only the other tests with `npm test`',
  purpose: 'The cluster tests build a Kubernetes node from Debian packages',
};

/** Services that Debian starts with these packages; the tests run processes of their own. */
const SERVICES = ['containerd', 'redis-server'];

/** Installs what the cluster tier needs; see `installPackages`. */
export function requirePackages(): Promise<void> {
  return installPackages(clusterNeeds);
}

/**
 * Installs the Debian packages of a tier that are missing, and leaves none of their services running that did not
 * run before.
 *
 * @throws Failure (69) on a system that is not Debian's kind, or without root
 */
export async function installPackages({ packages, root, purpose }: PackageNeeds): Promise<void> {
  requireRoot(root);
  if (!(await commandPath('apt-get'))) {
    throw new Failure(
      exitCodes.unavailable,
      `${purpose} (${packages.join(' ')}) and there is no apt-get here: run them on Debian or Ubuntu, for example in a virtual machine.`,
    );
  }
  const missing = await missingPackages(packages);
  if (missing.length === 0) return;

  say(`installing ${missing.join(', ')} (once; about a minute) ...`);
  const before = await activeServices();
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // Somebody else's apt may be at work.
  const apt = ['apt-get', '--quiet=2', '--option=DPkg::Lock::Timeout=300'];
  await run([...apt, 'update'], { env });
  await run([...apt, 'install', '--yes', '--no-install-recommends', ...missing], { env });
  for (const service of await activeServices()) {
    if (!before.includes(service)) await run(['systemctl', 'disable', '--now', '--quiet', service]);
  }
}

function requireRoot(sentence: string): void {
  if (process.platform === 'linux' && process.getuid?.() === 0) return;
  throw new Failure(exitCodes.unavailable, `${sentence}.`);
}

async function missingPackages(packages: readonly string[]): Promise<string[]> {
  const format = `--showformat=\${Package} \${db:Status-Status}\n`;
  const known = await run(['dpkg-query', '--show', format, ...packages], { allowed: [1] });
  const installed = new Set(known.split('\n').filter((line) => line.endsWith(' installed')));
  return packages.filter((name) => !installed.has(`${name} installed`));
}

/** Of our SERVICES, those that run; none where there is no systemd, and nothing that starts them. */
async function activeServices(): Promise<string[]> {
  if (!(await commandPath('systemctl'))) return [];
  const states = await run(['systemctl', 'is-active', ...SERVICES], { allowed: [1, 3, 4] });
  return SERVICES.filter((_, index) => states.split('\n')[index] === 'active');
}
