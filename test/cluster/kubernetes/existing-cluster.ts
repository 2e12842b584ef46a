/**
 * A cluster that is there already (kind's, for example) in place of one of our own: named by KUBECONFIG, and by
 * LOAD_IMAGE, the command that makes a docker-archive known to its nodes. It has to have a default StorageClass.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { exitCodes, Failure } from '../../../src/errors.ts';
import { PROJECT, WEBHOOK_CONFIGURATION } from '../../../src/names.ts';
import { removeDirectory, temporaryDirectory } from '../../support/leave-nothing.ts';
import { agentImage, imageTags } from '../images/stand-ins.ts';
import { apiClient } from './api.ts';
import type { Cluster } from './cluster.ts';
import { commandPath, run } from './command.ts';
import { say } from './say.ts';

/** On every namespace of a test; what carries it goes at the end. */
export const TEST_LABEL = 'redis-ip-updater-test';
/** Of the tests, and of an account that may do everything. */
const NAMESPACE = 'redis-ip-updater-test';
const AGENT = 'agent';

export function isClusterGiven(): boolean {
  return (process.env.KUBECONFIG ?? '') !== '';
}

/** @throws Failure (64) without LOAD_IMAGE or kubectl, or where the product is installed: it is not ours to remove */
export async function existingCluster(): Promise<Cluster> {
  const loadImage = requireLoadImage();
  if (!(await commandPath('kubectl')))
    throw new Failure(exitCodes.usage, 'a cluster of KUBECONFIG takes a kubectl on the PATH: install it');
  const kubectl = (args: string[], stdin?: string) =>
    run(['kubectl', ...args], stdin === undefined ? {} : { stdin });
  await refuseInstalled(kubectl);
  say(`using the cluster at ${await kubectl(serverOf)}; what the tests make there goes with them`);

  const directory = temporaryDirectory('redis-ip-updater-');
  const clean = cleanAtEnd();
  try {
    const { url, caPem, token } = await becomeAdmin(kubectl);
    const archive = await agentImage(await bundleAgent(directory));
    await loadImage(archive);
    await kubectl(['create', '--filename=-'], JSON.stringify(agentPod));
    await kubectl(['-n', NAMESPACE, 'wait', `pod/${AGENT}`, '--for=condition=Ready', '--timeout=120s']);
    const node = ['/nodejs/bin/node', '/agent.mjs'];
    return {
      url,
      caPem,
      adminToken: token,
      kubeconfig: process.env.KUBECONFIG ?? '',
      auditLog: undefined,
      directory,
      api: apiClient({ url, caPem, token }),
      kubectl,
      storage: 'default-class',
      podCidrs: [],
      loadImage,
      runAgent: (input) => kubectl(['-n', NAMESPACE, 'exec', '-i', AGENT, '--', ...node], input),
      async stop() {
        await clean();
        removeDirectory(directory);
      },
      tagImage: onOwnClusterOnly,
      runInNetwork: onOwnClusterOnly,
      restartApiServer: onOwnClusterOnly,
      stopApiServer: onOwnClusterOnly,
      startApiServer: onOwnClusterOnly,
      stopKubelet: onOwnClusterOnly,
      startKubelet: onOwnClusterOnly,
      killPods: onOwnClusterOnly,
      cutPower: onOwnClusterOnly,
      restorePower: onOwnClusterOnly,
      rebootNode: onOwnClusterOnly,
      allocateNext: () => void onOwnClusterOnly(),
    };
  } catch (error) {
    await clean();
    throw error;
  }
}

type Kubectl = (args: string[], stdin?: string) => Promise<string>;

const serverOf = ['config', 'view', '--minify', '--output=jsonpath={.clusters[0].cluster.server}'];

function onOwnClusterOnly(): never {
  throw new Failure(
    exitCodes.usage,
    "this scenario does what only a cluster of the tests' own allows: unset KUBECONFIG",
  );
}

function requireLoadImage(): (archive: string) => Promise<void> {
  const command = process.env.LOAD_IMAGE;
  if (!command)
    throw new Failure(
      exitCodes.usage,
      "KUBECONFIG names a cluster, but LOAD_IMAGE does not say how it gets images: set it to the command that takes a docker-archive, for example LOAD_IMAGE='kind load image-archive', or unset KUBECONFIG",
    );
  return async (archive) => {
    await run(['sh', '-c', `${command} "$1"`, 'sh', archive]);
  };
}

async function refuseInstalled(kubectl: Kubectl): Promise<void> {
  const names = [`namespace/${PROJECT}`, `mutatingwebhookconfiguration/${WEBHOOK_CONFIGURATION}`];
  const found = await kubectl(['get', ...names, '--ignore-not-found', '--output=name']);
  if (found.trim() === '') return;
  throw new Failure(
    exitCodes.usage,
    `the cluster of KUBECONFIG has ${found.trim().replace('\n', ' and ')}: the tests install the product themselves, so remove it, or take another cluster`,
  );
}

/** Removes everything of ours, once; also when the process is ended before. */
function cleanAtEnd(): () => Promise<void> {
  const kinds = 'mutatingwebhookconfigurations,clusterroles,clusterrolebindings';
  const commands = [
    ['delete', kinds, `--selector=app.kubernetes.io/name=${PROJECT}`],
    ['delete', 'clusterrolebinding', NAMESPACE, '--ignore-not-found'],
    ['delete', 'namespaces', PROJECT, NAMESPACE, '--ignore-not-found', '--wait=false'],
    ['delete', 'namespaces', `--selector=${TEST_LABEL}`, '--wait=false'],
  ];
  const inHaste = () => {
    for (const args of commands) spawnSync('kubectl', args, { stdio: 'ignore' });
  };
  process.on('exit', inHaste);
  return async () => {
    process.off('exit', inHaste);
    for (const args of commands) await run(['kubectl', ...args]);
    for (const namespaces of [[PROJECT, NAMESPACE], [`--selector=${TEST_LABEL}`]])
      await run(['kubectl', 'wait', '--for=delete', 'namespaces', ...namespaces, '--timeout=180s']);
  };
}

/** An account that may do everything, since a kubeconfig may hold anything but a token. */
async function becomeAdmin(kubectl: Kubectl): Promise<{ url: string; caPem: string; token: string }> {
  await kubectl(['create', 'namespace', NAMESPACE]);
  await kubectl(['-n', NAMESPACE, 'create', 'serviceaccount', 'admin']);
  const account = `--serviceaccount=${NAMESPACE}:admin`;
  await kubectl(['create', 'clusterrolebinding', NAMESPACE, '--clusterrole=cluster-admin', account]);
  const token = (await kubectl(['-n', NAMESPACE, 'create', 'token', 'admin', '--duration=4h'])).trim();
  const view = await kubectl(['config', 'view', '--raw', '--minify', '--flatten', '--output=json']);
  const { server, 'certificate-authority-data': ca = '' } = JSON.parse(view).clusters[0].cluster;
  return { url: server, caPem: Buffer.from(ca, 'base64').toString(), token };
}

/** One file, which needs nothing but Node.js and redis-cli. */
async function bundleAgent(directory: string): Promise<string> {
  const outfile = join(directory, 'agent.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, '../redis-agent.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
    },
  });
  return outfile;
}

const agentPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: AGENT, namespace: NAMESPACE },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: AGENT, image: imageTags.agent, imagePullPolicy: 'Never' }],
  },
};
