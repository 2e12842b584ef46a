import { exitCodes, Failure } from '../../../src/errors.ts';
import { commandPath, run } from './command.ts';
import { say } from './say.ts';

/** Debian packages that the cluster tier uses. */
const PACKAGES = [
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
];

/** Services that Debian starts with these packages; the tests run processes of their own. */
const SERVICES = ['containerd', 'redis-server'];

/**
 * Installs the Debian packages of the cluster tier that are missing, and leaves none of their services running
 * that did not run before.
 *
 * @throws Failure (69) on a system that is not Debian's kind, or without root
 */
export async function requirePackages(): Promise<void> {
  requireRoot();
  if (!(await commandPath('apt-get'))) {
    throw new Failure(
      exitCodes.unavailable,
      `The cluster tests build a Kubernetes node from Debian packages (${PACKAGES.join(' ')}) and there is no apt-get here: run them on Debian or Ubuntu, for example in a virtual machine; \`npm test\` needs neither.`,
    );
  }
  const missing = await missingPackages();
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

/** @throws Failure (69) for everybody but root on Linux */
export function requireRoot(): void {
  if (process.platform === 'linux' && process.getuid?.() === 0) return;
  throw new Failure(
    exitCodes.unavailable,
    'The cluster tests start a real kubelet and containerd, for which they need root on Linux: run `sudo npm run test:cluster`, or only the other tests with `npm test`.',
  );
}

async function missingPackages(): Promise<string[]> {
  const format = `--showformat=\${Package} \${db:Status-Status}\n`;
  const known = await run(['dpkg-query', '--show', format, ...PACKAGES], { allowed: [1] });
  const installed = new Set(known.split('\n').filter((line) => line.endsWith(' installed')));
  return PACKAGES.filter((name) => !installed.has(`${name} installed`));
}

/** Of our SERVICES, those that run; none where there is no systemd, and nothing that starts them. */
async function activeServices(): Promise<string[]> {
  if (!(await commandPath('systemctl'))) return [];
  const states = await run(['systemctl', 'is-active', ...SERVICES], { allowed: [1, 3, 4] });
  return SERVICES.filter((_, index) => states.split('\n')[index] === 'active');
}
