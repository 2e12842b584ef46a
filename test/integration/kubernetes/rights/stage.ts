/** A control plane with the chart's rights, three namespaces that the reconciler has looked after, and its accounts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Test } from 'tap';
import {
  NAMESPACE_LABEL,
  NODES_CONFIG_MAP,
  PROJECT,
  SERVICE_ACCOUNT,
  WEBHOOK_SERVICE,
} from '../../../../src/names.ts';
import { startProvisioner } from '../../../../src/webhook/provisioner.ts';
import { type Api, apiClient } from '../../../cluster/kubernetes/api.ts';
import { type ControlPlane, startControlPlane } from '../../../cluster/kubernetes/control-plane.ts';
import { until } from '../../../cluster/kubernetes/until.ts';
import { kubeconfig, requestToken } from '../../../cluster/kubernetes/users.ts';
import { template } from '../../../deploy/helm.ts';
import { objectsOf } from '../../../deploy/objects.ts';
import { statefulSet } from '../../../provisioning/builders.ts';

const WAIT_MS = 60_000;
const RIGHTS = [
  ...['Namespace', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  'MutatingWebhookConfiguration',
];

export type Stage = {
  plane: ControlPlane;
  admin: Api;
  /** An API client with a token of that account. */
  as(namespace: string, account: string): Promise<Api>;
  token(namespace: string, account: string): Promise<string>;
};

/** `shop` and `market` opted in, `elsewhere` did not. The reconciler runs, as the webhook, until the test ends. */
export async function stage(t: Test): Promise<Stage> {
  const plane = await startControlPlane();
  t.teardown(() => plane.stop());
  const admin = plane.api;
  const token = (namespace: string, account: string) => requestToken(admin, namespace, account);
  const as = async (namespace: string, account: string) =>
    apiClient({ url: plane.url, caPem: plane.caPem, token: await token(namespace, account) });

  await plane.kubectl(['create', 'namespace', PROJECT]);
  await applyRights(plane, await template());
  for (const [name, optedIn] of Object.entries({ shop: true, market: true, elsewhere: false })) {
    const labels = optedIn ? { [NAMESPACE_LABEL]: 'enabled' } : {};
    await admin.request('POST', '/api/v1/namespaces', { metadata: { name, labels } });
    await makeSomething(admin, name);
  }
  await admin.request('POST', '/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'custom' } });
  const { metadata, spec } = statefulSet('redis', { account: 'custom', replicas: 0 });
  const set = { metadata: { name: metadata?.name, labels: metadata?.labels }, spec };
  await admin.request('POST', '/apis/apps/v1/namespaces/shop/statefulsets', set);
  await startReconciler(t, plane, await token(PROJECT, WEBHOOK_SERVICE));
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/${SERVICE_ACCOUNT}`;
  await until('the custom account is bound', WAIT_MS, async () => {
    const binding = await admin.request('GET', path).catch(() => undefined);
    return binding?.subjects?.some(({ name }: { name: string }) => name === 'custom');
  });
  for (const namespace of ['shop', 'market']) await mapOf(admin, namespace);
  return { plane, admin, as, token };
}

/** The objects of the chart that say who may do what. */
export async function applyRights(plane: ControlPlane, manifests: string): Promise<void> {
  for (const object of objectsOf(manifests).filter(({ kind }) => RIGHTS.includes(kind ?? '')))
    await plane.kubectl(['apply', '--filename=-'], JSON.stringify(object));
}

/** The map of a namespace, once it is there. */
export async function mapOf(admin: Api, namespace: string) {
  const path = `/api/v1/namespaces/${namespace}/configmaps/${NODES_CONFIG_MAP}`;
  return until(`the map of ${namespace}`, WAIT_MS, () => admin.request('GET', path).catch(() => undefined));
}

/** What may not be touched: a Secret, a ConfigMap, a pod. */
async function makeSomething(admin: Api, namespace: string): Promise<void> {
  const core = `/api/v1/namespaces/${namespace}`;
  await until(`${namespace} has its account`, WAIT_MS, () =>
    admin.request('GET', `${core}/serviceaccounts/default`).catch(() => undefined),
  );
  const metadata = { name: 'other' };
  await admin.request('POST', `${core}/secrets`, { metadata, stringData: { password: 'secret' } });
  await admin.request('POST', `${core}/configmaps`, { metadata, data: { key: 'value' } });
  const spec = { containers: [{ name: 'redis', image: 'redis' }] };
  await admin.request('POST', `${core}/pods`, { metadata, spec });
}

async function startReconciler(t: Test, plane: ControlPlane, token: string): Promise<void> {
  const config = join(plane.directory, 'webhook.kubeconfig');
  writeFileSync(config, kubeconfig({ url: plane.url, caPem: plane.caPem, token }));
  process.env.KUBECONFIG = config;
  const log = pino({ level: 'silent' });
  const reconciler = startProvisioner({ imagePullSecrets: [], onFailure: () => {} }, log);
  t.teardown(() => reconciler.stop());
}
