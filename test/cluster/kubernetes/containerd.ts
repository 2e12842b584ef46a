import { statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageTags } from '../images/stand-ins.ts';
import { runtimeAnswers } from './cri.ts';
import type { Machine } from './machine.ts';
import { cniDirectory } from './network.ts';
import { until } from './until.ts';

/** f_type of overlayfs, which cannot be laid over itself. */
const OVERLAYFS_MAGIC = 0x794c7630;

export function containerdSocket(machine: Machine): string {
  return join(machine.directory, 'containerd.sock');
}

/** Starts a containerd that keeps everything in the machine's directory; resolves when it serves. */
export async function startContainerd(machine: Machine): Promise<void> {
  const config = join(machine.directory, 'containerd.toml');
  writeFileSync(config, configuration(machine));
  await machine.start('containerd', ['containerd', '--config', config]);
  await until('containerd serves the kubelet', 30_000, () => {
    machine.throwIfEnded();
    return runtimeAnswers(containerdSocket(machine));
  });
}

/** Kills containerd, the shims that would outlive it, and what is just being started in their name. */
export async function stopContainerd(machine: Machine): Promise<void> {
  await machine.kill('containerd');
  // Inside are no other processes than the machine's. Status 1: there was none.
  await machine.run(['sh', '-c', "pkill -KILL 'containerd-shim|runc' || [ $? = 1 ]"]);
}

/**
 * Removes what a reboot removes: mounts (of containers, volumes, network namespaces) and files in memory. What
 * is on disk stays: containerd's and the kubelet's records of the pods, the addresses they had.
 */
export async function forgetRunningState(machine: Machine): Promise<void> {
  const mounts = (await machine.run(['cat', '/proc/self/mounts']))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  const state = `${machine.directory}/containerd-state`;
  const lost = [`${state}/`, `${machine.directory}/kubelet/`, '/run/netns/'];
  for (const path of mounts.filter((path) => lost.some((prefix) => path.startsWith(prefix))).reverse()) {
    await machine.run(['umount', '--lazy', path]);
  }
  await machine.run(['rm', '-rf', state, '/run/netns', '/run/containerd']);
}

/** A ctr command line for the images and containers of the kubelet. */
export function ctr(machine: Machine, ...args: string[]): string[] {
  return ['ctr', '--address', containerdSocket(machine), '--namespace', 'k8s.io', ...args];
}

function configuration(machine: Machine): string {
  const { directory } = machine;
  const overlay = statfsSync(directory).type !== OVERLAYFS_MAGIC;
  return `
version = 2
root = "${directory}/containerd"
state = "${directory}/containerd-state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]
[grpc]
  address = "${containerdSocket(machine)}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${directory}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${imageTags.pause}"
  # Without CAP_SYS_RESOURCE, which a container around us may lack, runc fails to lower the score.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${cniDirectory(machine)}"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "${overlay ? 'overlayfs' : 'native'}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
`;
}
