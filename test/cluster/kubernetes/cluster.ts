import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pauseImage } from '../images/stand-ins.ts';
import { binaries } from './build.ts';
import { createCgroups, killProcessesInCgroups } from './cgroups.ts';
import { run } from './command.ts';
import { ctr, forgetRunningState, startContainerd, stopContainerd } from './containerd.ts';
import { bootControlPlane, type ControlPlane, type ControlPlaneOptions } from './control-plane.ts';
import { existingCluster, isClusterGiven } from './existing-cluster.ts';
import { kubeletCommand, kubeProxyCommand, schedulerCommand } from './kubelet.ts';
import { type Machine, startMachine } from './machine.ts';
import { addressesDirectory, createNetwork, type Network, previousAddress } from './network.ts';
import { requirePackages } from './packages.ts';
import { until } from './until.ts';
import { NODE_NAME, type User } from './users.ts';

export type ClusterOptions = Omit<ControlPlaneOptions, 'version'> & {
  /** The range of pod addresses, or one of each family; the first is the node's. Default 10.244.0.0/24. */
  podCidrs?: string[];
};

export type Cluster = ControlPlane & {
  podCidrs: string[];
  /** Where volumes come from: directories of this host, or the cluster's default StorageClass. */
  storage: 'host' | 'default-class';
  /** Makes the images of a docker-archive known to the node; pods need `imagePullPolicy: Never`. */
  loadImage(archive: string): Promise<void>;
  /** Gives a loaded image one more name. */
  tagImage(from: string, to: string): Promise<void>;
  /** Runs ../redis-agent.ts where it reaches pods; takes its stdin, returns its stdout. */
  runAgent(input: string): Promise<string>;
  /** Runs a program of this host in the cluster's network, where it reaches pods and Services. */
  runInNetwork(command: string[], stdin?: string): Promise<string>;
  /** Kills the kubelet: pods go on running, but nobody watches them. */
  stopKubelet(): Promise<void>;
  /** Starts a stopped kubelet; resolves when the node is Ready anew. */
  startKubelet(): Promise<void>;
  /** Kills every process of every pod, pause included; a kubelet that runs gives each a new sandbox at once. */
  killPods(): Promise<void>;
  /** Ends kubelet, containerd and pods as a power cut does; the API goes on showing what it knew. */
  cutPower(): Promise<void>;
  /** Starts containerd and kubelet after `cutPower`; resolves when the node is Ready anew. */
  restorePower(): Promise<void>;
  /** Both: the same pod objects, of which each gets a new sandbox with a new address. */
  rebootNode(): Promise<void>;
  /** The next sandbox gets this address, or the first free one after it; the order of sandboxes is the kubelet's. */
  allocateNext(address: string): void;
};

const AGENT = join(import.meta.dirname, '../redis-agent.ts');
const DEFAULT_POD_CIDRS = ['10.244.0.0/24'];
const SERVICE_CIDRS = { ipv4: '10.96.0.0/16', ipv6: 'fd00:10:96::/112' };

/**
 * A whole Kubernetes 1.36 of one node, in a network, with mounts and processes of its own; needs root.
 * What it holds of this host is one virtual line (`riuXXXXXX`), one cgroup and one directory.
 * With KUBECONFIG set, it is the cluster that is there (see existing-cluster.ts), and `options` do not count.
 *
 * @throws Failure (69) without root, Go, or Debian's packages
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  if (isClusterGiven()) return existingCluster();
  await requirePackages();
  const commands = await binaries('v1.36');
  const pause = await pauseImage();
  const machine = await startMachine('isolated');
  try {
    return await bootCluster(machine, commands, pause, options);
  } catch (error) {
    await machine.stop();
    throw error;
  }
}

async function bootCluster(
  machine: Machine,
  commands: string,
  pause: string,
  options: ClusterOptions,
): Promise<Cluster> {
  const network = await createNetwork(machine, options.podCidrs ?? DEFAULT_POD_CIDRS);
  createCgroups(machine.name);
  const [plane] = await Promise.all([
    bootControlPlane(machine, commands, { ...options, version: '1.36' }, site(network)),
    startContainerd(machine).then(() => machine.run(ctr(machine, 'images', 'import', pause))),
  ]);
  const nodeAddress = network.nodeAddresses[0] ?? '';
  const kubeconfig = (user: User) => plane.writeKubeconfig(user, nodeAddress);
  await machine.start('kube-scheduler', schedulerCommand(commands, kubeconfig('system:kube-scheduler')));
  const kubelet = kubeletCommand(commands, machine, network, kubeconfig(`system:node:${NODE_NAME}`));
  const startKubelet = async () => {
    const since = Date.now();
    await machine.start('kubelet', kubelet);
    await until(`node ${NODE_NAME} is Ready`, 60_000, async () => {
      machine.throwIfEnded();
      return (await isHealthy(machine)) && isNodeReady(plane, since);
    });
  };
  await startKubelet();
  await machine.start('kube-proxy', kubeProxyCommand(commands, kubeconfig('system:kube-proxy')));

  const stopKubelet = () => machine.kill('kubelet');
  const killPods = () => killProcessesInCgroups(machine.name);
  const cutPower = async () => {
    await stopKubelet();
    await stopContainerd(machine);
    await killPods();
    await forgetRunningState(machine);
  };
  const restorePower = async () => {
    await startContainerd(machine);
    await startKubelet();
  };
  const runInNetwork = (command: string[], stdin?: string) =>
    run(
      ['nsenter', `--net=/proc/${machine.pid()}/ns/net`, '--', ...command],
      stdin === undefined ? {} : { stdin },
    );
  return {
    ...plane,
    podCidrs: network.podCidrs,
    storage: 'host',
    runAgent: (input) => runInNetwork([process.execPath, AGENT], input),
    async loadImage(archive) {
      await machine.run(ctr(machine, 'images', 'import', archive));
    },
    async tagImage(from, to) {
      await machine.run(ctr(machine, 'images', 'tag', from, to));
    },
    runInNetwork,
    stopKubelet,
    startKubelet,
    killPods,
    cutPower,
    restorePower,
    async rebootNode() {
      await cutPower();
      await restorePower();
    },
    allocateNext(address) {
      const range = network.podCidrs.findIndex((cidr) => cidr.includes(':') === address.includes(':'));
      const file = join(addressesDirectory(machine), `last_reserved_ip.${range}`);
      writeFileSync(file, previousAddress(address));
    },
  };
}

function site(network: Network) {
  const serviceCidrs = network.podCidrs.map((cidr) =>
    cidr.includes(':') ? SERVICE_CIDRS.ipv6 : SERVICE_CIDRS.ipv4,
  );
  return {
    bindAddress: network.podCidrs.some((cidr) => cidr.includes(':')) ? '::' : '0.0.0.0',
    advertiseAddress: network.nodeAddresses[0] ?? '',
    hostAddress: network.hostAddress,
    serviceCidrs,
    // Nobody else is in this network.
    ports: { apiServer: 6443, etcd: 2379, etcdPeer: 2380 },
  };
}

/** The kubelet's loops run; an earlier kubelet's port is closed. */
async function isHealthy(machine: Machine): Promise<boolean> {
  return machine.run(['busybox', 'wget', '-q', '-O', '-', 'http://127.0.0.1:10248/healthz']).then(
    () => true,
    () => false,
  );
}

/** Ready by a heartbeat of this kubelet, not by what an earlier one left in the API. */
async function isNodeReady(plane: ControlPlane, sinceMilliseconds: number): Promise<boolean> {
  const node = await plane.api.request('GET', `/api/v1/nodes/${NODE_NAME}`).catch(() => undefined);
  const ready = node?.status.conditions?.find((condition: { type: string }) => condition.type === 'Ready');
  // Heartbeats have whole seconds.
  return ready?.status === 'True' && Date.parse(ready.lastHeartbeatTime) + 1000 > sinceMilliseconds;
}
