import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, apiClient } from './api.ts';
import { binaries } from './build.ts';
import { issueServingCertificate, serviceAccountKeyPem } from './certificates.ts';
import { run } from './command.ts';
import {
  apiServerCommand,
  controllerManagerCommand,
  etcdCommand,
  type Site,
} from './control-plane-commands.ts';
import { type Machine, startMachine } from './machine.ts';
import { freePorts } from './ports.ts';
import { testedVersion, type Version } from './tested-version.ts';
import { until } from './until.ts';
import { createTokens, kubeconfig, type Tokens, tokenFile, type User } from './users.ts';

export type ControlPlaneOptions = {
  /** Of Kubernetes; the one under test without it. */
  version?: Version;
  /** An audit.k8s.io/v1 Policy; with it the API server writes `auditLog`. */
  auditPolicy?: object;
  /** Added to kube-apiserver's command line, so that they win. */
  apiServerFlags?: string[];
};

export type ControlPlane = {
  /** The API server, for whoever is on this host. */
  url: string;
  caPem: string;
  adminToken: string;
  /** Path of the admin's kubeconfig. */
  kubeconfig: string;
  /** Path of the audit log: one audit.k8s.io/v1 Event in JSON per line. */
  auditLog: string | undefined;
  /** Everything it writes, with `logs/`; gone after `stop`. */
  directory: string;
  /** Requests as the admin. */
  api: Api;
  /** Runs kubectl as the admin; returns its stdout, throws for a status other than 0. */
  kubectl(args: string[], stdin?: string): Promise<string>;
  /** Kills the API server (watches break off) and starts it on the same port; resolves when it is ready. */
  restartApiServer(): Promise<void>;
  /** Kills the API server only; resolves when its port is closed. */
  stopApiServer(): Promise<void>;
  /** Starts a stopped API server; resolves when it is ready. */
  startApiServer(): Promise<void>;
  /** Ends every process and removes the directory. */
  stop(): Promise<void>;
};

/** A control plane whose etcd this process can reach. */
export type LocalControlPlane = ControlPlane & {
  /** Forgets the history: compacts etcd, and starts the API server anew, whose watch cache remembers as well. */
  compact(): Promise<void>;
};

/** An etcd, API server and controller manager of their own on free ports of 127.0.0.1; needs no root. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<LocalControlPlane> {
  const commands = await binaries(`v${options.version ?? testedVersion}`);
  const [apiServer = 0, etcd = 0, etcdPeer = 0] = await freePorts(3);
  const machine = await startMachine('plain');
  try {
    const plane = await bootControlPlane(machine, commands, options, {
      bindAddress: '127.0.0.1',
      advertiseAddress: '127.0.0.1',
      hostAddress: '127.0.0.1',
      serviceCidrs: ['10.96.0.0/16'],
      ports: { apiServer, etcd, etcdPeer },
      // A loopback address cannot be an endpoint of the Service `kubernetes`, and no pod is there to use it.
      extraFlags: ['--endpoint-reconciler-type=none'],
    });
    const compact = async () => {
      await compactEtcd(`http://127.0.0.1:${etcd}`);
      await plane.restartApiServer();
    };
    return { ...plane, compact };
  } catch (error) {
    await machine.stop();
    throw error;
  }
}

/** By etcd's JSON gateway: everything before the revision of now. */
async function compactEtcd(url: string): Promise<void> {
  const post = async (path: string, body: object) => {
    const response = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`etcd ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as { header: { revision: string } };
  };
  const { header } = await post('/v3/kv/range', { key: Buffer.from('none').toString('base64') });
  await post('/v3/kv/compaction', { revision: header.revision, physical: true });
}

/** Boots the control plane on a machine that is there already; the caller stops the machine on failure. */
export async function bootControlPlane(
  machine: Machine,
  commands: string,
  options: ControlPlaneOptions,
  site: Site,
): Promise<ControlPlane & { writeKubeconfig(user: User, address: string): string }> {
  const tokens = createTokens();
  const { caPem } = await writeCredentials(machine.directory, site, tokens);
  const auditLog = options.auditPolicy && join(machine.directory, 'audit.log');
  if (options.auditPolicy) writeJson(machine.directory, 'audit-policy.json', options.auditPolicy);

  const urlAt = (address: string) =>
    `https://${address.includes(':') ? `[${address}]` : address}:${site.ports.apiServer}`;
  const url = urlAt(site.hostAddress);
  const writeKubeconfig = (user: User, address: string) => {
    const path = join(machine.directory, `${user.replaceAll(':', '-')}.kubeconfig`);
    writeFileSync(path, kubeconfig({ url: urlAt(address), caPem, token: tokens[user] }));
    return path;
  };
  const admin = writeKubeconfig('admin', site.hostAddress);
  const api = apiClient({ url, caPem, token: tokens.admin });
  const flags = [
    ...(site.extraFlags ?? []),
    ...(auditLog
      ? [`--audit-policy-file=${machine.directory}/audit-policy.json`, `--audit-log-path=${auditLog}`]
      : []),
    ...(options.apiServerFlags ?? []),
  ];
  const startApiServer = async () => {
    await machine.start('kube-apiserver', apiServerCommand(commands, machine.directory, site, flags));
    await ready(machine, 'the API server is ready', () => api.request('GET', '/readyz'));
  };

  await machine.start('etcd', etcdCommand(commands, machine.directory, site.ports));
  await startApiServer();
  const managerConfig = writeKubeconfig('system:kube-controller-manager', site.advertiseAddress);
  await machine.start(
    'kube-controller-manager',
    controllerManagerCommand(commands, machine.directory, managerConfig),
  );
  await ready(machine, 'the namespace `default` has its service account', () =>
    api.request('GET', '/api/v1/namespaces/default/serviceaccounts/default'),
  );

  return {
    url,
    caPem,
    adminToken: tokens.admin,
    kubeconfig: admin,
    auditLog,
    directory: machine.directory,
    api,
    writeKubeconfig,
    kubectl: (args, stdin) =>
      run(
        [join(commands, 'kubectl'), `--kubeconfig=${admin}`, ...args],
        stdin === undefined ? {} : { stdin },
      ),
    startApiServer,
    stopApiServer: () => machine.kill('kube-apiserver'),
    async restartApiServer() {
      await machine.kill('kube-apiserver');
      await startApiServer();
    },
    stop: () => machine.stop(),
  };
}

/** A refused connection or an error status means "not yet"; the end of a process means never. */
async function ready(machine: Machine, what: string, check: () => Promise<unknown>): Promise<void> {
  await until(what, 60_000, async () => {
    machine.throwIfEnded();
    return check().then(
      () => true,
      () => false,
    );
  });
}

async function writeCredentials(directory: string, site: Site, tokens: Tokens) {
  const certificate = await issueServingCertificate([
    ...new Set([site.hostAddress, site.advertiseAddress, ...site.serviceCidrs.map(firstAddress)]),
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
  ]);
  mkdirSync(join(directory, 'pki'));
  const write = (name: string, text: string) =>
    writeFileSync(join(directory, 'pki', name), text, { mode: 0o600 });
  write('ca.pem', certificate.caPem);
  write('apiserver.pem', certificate.certificatePem);
  write('apiserver.key', certificate.keyPem);
  write('service-accounts.key', serviceAccountKeyPem());
  write('tokens.csv', tokenFile(tokens));
  return certificate;
}

/** The address of the Service `kubernetes`: the first of the range (a range of ours ends with a zero or `::`). */
function firstAddress(cidr: string): string {
  const network = cidr.split('/')[0] ?? '';
  return network.includes(':') ? `${network}1` : network.replace(/0$/, '1');
}

function writeJson(directory: string, name: string, value: object): void {
  writeFileSync(join(directory, name), JSON.stringify(value));
}
