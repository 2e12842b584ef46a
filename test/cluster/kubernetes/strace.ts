import { exitCodes, Failure } from '../../../src/errors.ts';
import { CommandFailed, commandPath, run } from './command.ts';
import { installPackages, type PackageNeeds } from './packages.ts';

const straceNeeds: PackageNeeds = {
  packages: ['strace'],
  root: 'The tests of nodes.conf under fire kill the updater at its system calls and give it full and read-only disks, for which they need root on Linux: run `sudo npm test`',
  purpose: 'The tests of nodes.conf under fire stop the updater at its system calls with a Debian package',
};

/**
 * Makes sure that tests can stop a program at its system calls, and mount disks of their own.
 *
 * @throws Failure (69) for everybody but root on Linux, where there is neither strace nor apt-get, and where root
 *   may not do this
 */
export async function requireStrace(): Promise<void> {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (!isRoot || !(await commandPath('strace'))) await installPackages(straceNeeds);
  await requireRight(['unshare', '--mount', '--propagation', 'private', 'true'], 'mount a disk');
  await requireRight(['strace', '-o', '/dev/null', 'true'], 'trace a process');
}

async function requireRight(command: readonly string[], what: string): Promise<void> {
  try {
    await run(command);
  } catch (cause) {
    if (!(cause instanceof CommandFailed)) throw cause;
    throw new Failure(
      exitCodes.unavailable,
      `The tests of nodes.conf under fire may not ${what} here (${cause.stderr.trim()}): run them outside of a container, or in a privileged one.`,
      { cause },
    );
  }
}
