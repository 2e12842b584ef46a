import { join } from 'node:path';

/** Where a control plane listens and what it is called. */
export type Site = {
  bindAddress: string;
  /** The address of the Service `kubernetes`' endpoint, and of the controller manager's connections. */
  advertiseAddress: string;
  /** The address at which this host reaches the API server. */
  hostAddress: string;
  /** One, or one of each family; their network addresses end with a zero or `::`. */
  serviceCidrs: string[];
  ports: { apiServer: number; etcd: number; etcdPeer: number };
  /** For kube-apiserver. */
  extraFlags?: string[];
};

/** Nobody needs the data after a power cut: without fsync the cluster is several times faster on slow disks. */
export function etcdCommand(commands: string, directory: string, ports: Site['ports']): string[] {
  const client = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  return [
    join(commands, 'server'),
    `--data-dir=${directory}/etcd`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
  ];
}

export function apiServerCommand(commands: string, directory: string, site: Site, extra: string[]): string[] {
  const pki = join(directory, 'pki');
  return [
    join(commands, 'kube-apiserver'),
    `--etcd-servers=http://127.0.0.1:${site.ports.etcd}`,
    `--bind-address=${site.bindAddress}`,
    `--advertise-address=${site.advertiseAddress}`,
    `--secure-port=${site.ports.apiServer}`,
    `--cert-dir=${pki}`,
    `--tls-cert-file=${pki}/apiserver.pem`,
    `--tls-private-key-file=${pki}/apiserver.key`,
    `--token-auth-file=${pki}/tokens.csv`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki}/service-accounts.key`,
    `--service-account-signing-key-file=${pki}/service-accounts.key`,
    `--service-cluster-ip-range=${site.serviceCidrs.join(',')}`,
    // Webhook Services are reached at their endpoints: the API server needs no kube-proxy.
    '--enable-aggregator-routing',
    '--kubelet-preferred-address-types=InternalIP',
    '--allow-privileged',
    ...extra,
  ];
}

export function controllerManagerCommand(commands: string, directory: string, kubeconfig: string): string[] {
  return [
    join(commands, 'kube-controller-manager'),
    `--kubeconfig=${kubeconfig}`,
    `--service-account-private-key-file=${directory}/pki/service-accounts.key`,
    `--root-ca-file=${directory}/pki/ca.pem`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--secure-port=0',
    // The default of 20 requests per second makes it take 5 s to start its forty controllers.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ];
}
