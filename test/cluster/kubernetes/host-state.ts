import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hierarchies } from './cgroups.ts';
import { run } from './command.ts';
import { PREFIX } from './machine-directory.ts';

/** How lines mention a machine: by its directory, its cgroups, or the line to it. */
const MACHINE = new RegExp(`(?:${PREFIX}|link riu)(\\w{6})\\b`);

/**
 * What a node could leave on this host or change of it, one line each; equal before and after. Other machines
 * may come and go meanwhile: what carries a machine's name is left out.
 *
 * @param machine the name of the machine of which everything counts, once it has one
 */
export async function hostState(machine = ''): Promise<string[]> {
  const isAnothers = (line: string) => {
    const [, suffix] = MACHINE.exec(line) ?? [];
    return suffix !== undefined && !machine.endsWith(suffix);
  };
  return (await everything()).filter((line) => !isAnothers(line));
}

async function everything(): Promise<string[]> {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').trim().split('\n');
  const links = (await run(['ip', '-oneline', 'link'])).trim().split('\n');
  return [
    ...mounts.map((line) => `mount ${line}`),
    // `1: name@peer: <flags>`
    ...links.map((line) => `link ${line.split(/[:@] ?/)[1]?.trim()}`),
    // One level: below are those of other programs, which come and go.
    ...hierarchies().flatMap((top) => list(top).map((name) => `cgroup ${join(top, name)}`)),
    ...DIRECTORIES.flatMap((directory) => list(directory).map((name) => `file ${join(directory, name)}`)),
    ...SYSCTLS.filter(existsSync).map((path) => `sysctl ${path} ${readFileSync(path, 'utf8').trim()}`),
  ].sort();
}

/** Where Kubernetes, containerd, CNI and runc write if nobody tells them otherwise. */
const DIRECTORIES = [
  '/etc/cni',
  '/opt',
  '/run',
  '/run/containerd',
  '/run/containerd/s',
  '/run/netns',
  '/var/lib',
  '/var/lib/cni',
  '/var/lib/cni/results',
  '/var/lib/containerd',
  '/var/lib/kubelet',
  '/var/log',
  '/var/log/containers',
  '/var/log/pods',
];

const SYSCTLS = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
  'net/ipv4/ip_forward',
  'net/netfilter/nf_conntrack_max',
].map((name) => join('/proc/sys', name));

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
