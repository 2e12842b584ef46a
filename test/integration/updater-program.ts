/** The updater as its users meet it: a process with environment, files and an API, judged by what it leaves. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { namespaceObjects } from '../../src/provisioning/objects.ts';
import { Client } from '../support/kubernetes-api/client.ts';
import type { KubernetesApi } from '../support/kubernetes-api/server.ts';

export type Ended = {
  /** Null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  logs: { level: string; msg: string; [field: string]: unknown }[];
  /** What nodes.conf holds now; null if there is no such file. */
  nodesConf: string | null;
};

export type Scene = {
  directory: string;
  env: Record<string, string>;
  /** Sends SIGTERM when a line of the log matches. */
  terminateOn?: RegExp;
  /** The bundle of the image in place of its source: a quarter of the time to start. */
  program?: string;
  /** Arguments of node itself. */
  nodeArguments?: string[];
  /** Node and what it runs under; default is ours. */
  node?: readonly string[];
};

export const NAMESPACE = 'shop';

/** A namespace as the webhook's reconciler leaves it, with the pods given. */
export async function provision(
  api: KubernetesApi,
  pods: object[],
  data: Record<string, string>,
): Promise<Client> {
  const admin = new Client({ url: api.url, ca: api.ca, token: api.adminToken });
  await admin.create('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  const { serviceAccount, role, roleBinding, configMap } = namespaceObjects({
    namespace: NAMESPACE,
    serviceAccounts: [],
    imagePullSecrets: [],
  });
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}`;
  await admin.create(`${core}/serviceaccounts`, serviceAccount);
  await admin.create(`${rbac}/roles`, role);
  await admin.create(`${rbac}/rolebindings`, roleBinding);
  await admin.create(`${core}/configmaps`, { ...configMap, data });
  for (const pod of pods) await createPod(admin, pod as { metadata: { name: string }; status: object });
  return admin;
}

async function createPod(
  admin: Client,
  { status, ...pod }: { metadata: { name: string }; status: object },
): Promise<void> {
  const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const spec = { serviceAccountName: 'redis-ip-updater', containers: [{ name: 'redis', image: 'redis' }] };
  await admin.create(path, { ...pod, spec });
  await admin.merge(`${path}/${pod.metadata.name}/status`, { status });
}

/** Directories and environment of redis-0's init container; `mounted` is what the kubelet has mounted. */
export async function scene(
  api: Pick<KubernetesApi, 'url' | 'ca' | 'adminToken' | 'host' | 'port'>,
  directory: string,
  { nodesConf, mounted = {} }: { nodesConf?: string; mounted?: Record<string, string> },
): Promise<Scene> {
  const admin = new Client({ url: api.url, ca: api.ca, token: api.adminToken });
  const tokens = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/redis-ip-updater/token`;
  const { status } = await admin.create<{ status: { token: string } }>(tokens, { spec: {} });
  admin.close();
  for (const name of ['data', 'nodes', 'token']) mkdirSync(join(directory, name));
  if (nodesConf !== undefined) writeFileSync(join(directory, 'data/nodes.conf'), nodesConf, 'latin1');
  for (const [key, value] of Object.entries(mounted)) writeFileSync(join(directory, 'nodes', key), value);
  writeFileSync(join(directory, 'token/token'), status.token);
  writeFileSync(join(directory, 'token/ca.crt'), api.ca);
  return {
    directory,
    env: {
      POD_NAME: 'redis-0',
      POD_NAMESPACE: NAMESPACE,
      POD_IP: '10.0.9.0',
      POD_IPS: '10.0.9.0',
      NODES_CONF: join(directory, 'data/nodes.conf'),
      NODES_CONF_VOLUME: join(directory, 'data'),
      NODES_MAP: join(directory, 'nodes'),
      SERVICE_ACCOUNT_DIR: join(directory, 'token'),
      KUBERNETES_SERVICE_HOST: api.host,
      KUBERNETES_SERVICE_PORT: String(api.port),
      DEADLINE_SECONDS: '2',
    },
  };
}

export async function runUpdater(
  {
    directory,
    env,
    terminateOn,
    node = [process.execPath],
    nodeArguments = [],
    program = 'src/updater/main.ts',
  }: Scene,
  ...args: string[]
): Promise<Ended> {
  const [file = '', ...rest] = node;
  const child = spawn(file, [...rest, ...nodeArguments, program, ...args], {
    env: { ...env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.on('data', (chunk) => {
    if (terminateOn?.test(String(chunk))) child.kill('SIGTERM');
  });
  const [stdout, stderr, ended] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<Pick<Ended, 'code' | 'signal'>>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal }));
    }),
  ]);
  return {
    ...ended,
    stdout,
    logs: stderr.split('\n').filter(Boolean).map(parseLog),
    nodesConf: readNow(directory),
  };
}

function parseLog(line: string): Ended['logs'][number] {
  try {
    return JSON.parse(line);
  } catch {
    return { level: 'not JSON', msg: line };
  }
}

function readNow(directory: string): string | null {
  const path = join(directory, 'data/nodes.conf');
  try {
    return statSync(path).isFile() ? readFileSync(path, 'latin1') : null;
  } catch {
    return null;
  }
}
