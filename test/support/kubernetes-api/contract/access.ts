import type { Test } from 'tap';
import type { Client } from '../client.ts';
import { clientFor, configMap, configMaps, pod, pods, type Subject } from './subject.ts';

const RBAC = 'rbac.authorization.k8s.io';

/** Who may do what. */
export function accessContract(t: Test, admin: Client, namespace: string, subject: Subject): void {
  const user = `system:serviceaccount:${namespace}:reader`;
  let reader: Client;

  t.before(async () => {
    const metadata = { name: 'reader', namespace };
    await admin.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata });
    await admin.create(configMaps(namespace), configMap('mine'));
    await admin.create(configMaps(namespace), configMap('other'));
    await admin.create(pods(namespace), pod('owner', { serviceAccountName: 'reader' }));
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/reader/token`;
    const { status } = await admin.create<{ status: { token: string } }>(path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 600 },
    });
    reader = clientFor(subject, status.token);
  });
  t.teardown(() => reader.close());

  t.test('a wrong token is a 401', async (t) => {
    const stranger = clientFor(subject, 'not-a-token');
    const { code, body } = await stranger.ask('GET', pods(namespace));
    t.match({ code, body }, { code: 401, body: { kind: 'Status', reason: 'Unauthorized' } });
    stranger.close();
  });

  t.test('without a role everything is a 403 that names who wanted what', async (t) => {
    const { code, body } = await reader.ask('GET', pods(namespace));
    t.equal(code, 403);
    t.match(body, {
      reason: 'Forbidden',
      message: `pods is forbidden: User "${user}" cannot list resource "pods" in API group "" in the namespace "${namespace}"`,
    });
  });

  t.test('a role grants its verbs, and names where it says so', async (t) => {
    await admin.create(`/apis/${RBAC}/v1/namespaces/${namespace}/roles`, {
      apiVersion: `${RBAC}/v1`,
      kind: 'Role',
      metadata: { name: 'reader' },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
        { apiGroups: [''], resources: ['configmaps'], resourceNames: ['mine'], verbs: ['get', 'patch'] },
      ],
    });
    await admin.create(`/apis/${RBAC}/v1/namespaces/${namespace}/rolebindings`, {
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace }],
      roleRef: { apiGroup: RBAC, kind: 'Role', name: 'reader' },
    });
    const code = async (method: 'GET' | 'PATCH' | 'DELETE', path: string) => {
      const patch = { body: { data: { a: '1' } }, contentType: 'application/merge-patch+json' };
      return (await reader.ask(method, path, method === 'PATCH' ? patch : {})).code;
    };
    // A real authorizer hears of a new role through a watch of its own.
    while ((await code('GET', pods(namespace))) === 403);
    t.equal(await code('GET', pods(namespace)), 200, 'list pods');
    t.equal(await code('GET', pods(namespace, 'owner')), 403, 'get a pod');
    t.equal(await code('GET', configMaps(namespace, 'mine')), 200, 'get the named one');
    t.equal(await code('PATCH', configMaps(namespace, 'mine')), 200, 'patch the named one');
    t.equal(await code('GET', configMaps(namespace, 'other')), 403, 'get another');
    t.equal(await code('GET', configMaps(namespace)), 403, 'list');
    t.equal(await code('DELETE', configMaps(namespace, 'mine')), 403, 'delete the named one');
    t.equal(await code('GET', '/api/v1/pods'), 403, 'list pods of all namespaces');
  });
}
