import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { containerdSocket } from './containerd.ts';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import { NODE_NAME } from './users.ts';

/** Writes the kubelet's configuration; returns its command line. */
export function kubeletCommand(
  commands: string,
  machine: Machine,
  network: Network,
  kubeconfig: string,
): string[] {
  const config = join(machine.directory, 'kubelet.json');
  writeFileSync(config, JSON.stringify(configuration(machine)));
  return [
    join(commands, 'kubelet'),
    `--config=${config}`,
    `--kubeconfig=${kubeconfig}`,
    `--root-dir=${machine.directory}/kubelet`,
    `--cert-dir=${machine.directory}/kubelet-pki`,
    `--node-ip=${network.nodeAddresses.join(',')}`,
    `--hostname-override=${NODE_NAME}`,
  ];
}

function configuration(machine: Machine): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${containerdSocket(machine)}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${machine.name}`,
    failCgroupV1: false,
    failSwapOn: false,
    // The machine has no name server.
    resolvConf: '',
    // A full disk or little memory of whoever runs the tests is no reason to evict pods or to remove images.
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    // Only the test's API server reaches it: nobody else is in this network.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    maxPods: 250,
  };
}

export function kubeProxyCommand(commands: string, kubeconfig: string): string[] {
  return [
    join(commands, 'kube-proxy'),
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${NODE_NAME}`,
    '--proxy-mode=iptables',
    // These limits belong to the whole host.
    '--conntrack-max-per-core=0',
    '--conntrack-min=0',
    // All pods are on one bridge: the answer to a Service's client would otherwise not pass the node again.
    '--masquerade-all',
  ];
}

export function schedulerCommand(commands: string, kubeconfig: string): string[] {
  return [
    join(commands, 'kube-scheduler'),
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    '--secure-port=0',
  ];
}
