/**
 * A mount namespace of its own: what is mounted there nobody else sees, and it goes with its last process, however
 * this one ends. Its /dev has the termination-log that the kubelet makes in every container.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { run } from '../../cluster/kubernetes/command.ts';
import { endWithUs, removeDirectory, temporaryDirectory } from '../../support/leave-nothing.ts';
import type { Place } from './volume.ts';

export type PrivateMounts = Place & {
  /** An empty disk in memory, as this process sees it. */
  directory: string;
  /** Runs a command there; paths are those of `inside`. */
  run(...command: string[]): Promise<string>;
  /** What the last program left for the kubelet; from now on nothing. */
  takeTerminationMessage(): string;
};

/** Mounts what a container has, says so, and stays until its standard input ends. $1: directory, $2: node. */
const SCRIPT = `set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
touch "$1/node"
mount --bind "$2" "$1/node"
mkdir -m 755 "$1/dev"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
mknod -m 666 "$1/dev/null" c 1 3
mknod -m 666 "$1/dev/full" c 1 7
mknod -m 666 "$1/dev/random" c 1 8
mknod -m 666 "$1/dev/urandom" c 1 9
touch "$1/dev/termination-log"
chmod 666 "$1/dev/termination-log"
mount --move "$1/dev" /dev
echo ready
exec cat`;

/** Ends with the test. Needs root, and dist/updater.js built. */
export async function privateMounts(t: Test): Promise<PrivateMounts> {
  const path = temporaryDirectory('redis-ip-updater-volume-');
  const child = endWithUs(
    spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', 'unshare', '--mount', '--propagation', 'private'],
        ...['sh', '-c', SCRIPT, 'sh', path, process.execPath],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    ),
  );
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.stdin.end();
    await ended;
    removeDirectory(path);
  });
  const isReady = once(child.stdout, 'data').then(() => true);
  if (!(await Promise.race([isReady, ended.then(() => false)])))
    throw new Error('the mount namespace ended before it was ready: see its message above');
  const root = `/proc/${child.pid}/root`;
  const directory = join(root, path);
  copyFileSync('dist/updater.js', join(directory, 'updater.js'));
  const enter = ['nsenter', `--mount=/proc/${child.pid}/ns/mnt`, '--'];
  const terminationLog = join(root, 'dev/termination-log');
  return {
    directory,
    enter,
    node: join(path, 'node'),
    program: join(path, 'updater.js'),
    inside: (seen) => seen.slice(root.length),
    run: (...command) => run([...enter, ...command]),
    takeTerminationMessage() {
      const message = readFileSync(terminationLog, 'utf8');
      writeFileSync(terminationLog, '');
      return message;
    },
  };
}
