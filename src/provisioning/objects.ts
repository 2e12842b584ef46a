/**
 * What a namespace needs so that its injected pods can do their work: an account, the right to read pods and
 * to read and patch one ConfigMap, and that ConfigMap. Values only; applying them is the reconciler's part.
 */
import type { V1ConfigMap, V1Role, V1RoleBinding, V1ServiceAccount } from '@kubernetes/client-node';
import { NODES_CONFIG_MAP, PROJECT, SERVICE_ACCOUNT } from '../names.ts';

/** What tells our objects from somebody else's under the same names. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';

export type NamespaceNeeds = {
  namespace: string;
  /** Accounts of labelled StatefulSets that keep their own: they are bound beside ours. */
  serviceAccounts: readonly string[];
  /** Names of the secrets with which the updater's image is pulled. */
  imagePullSecrets: readonly string[];
};

export type NamespaceObjects = {
  serviceAccount: V1ServiceAccount;
  role: V1Role;
  roleBinding: V1RoleBinding;
  /** Without data: the entries belong to the updaters and to the users. */
  configMap: V1ConfigMap;
};

export type NamespaceObject = NamespaceObjects[keyof NamespaceObjects];

export function namespaceObjects({ namespace, ...needs }: NamespaceNeeds): NamespaceObjects {
  const metadata = (name: string) => ({
    name,
    namespace,
    labels: { [MANAGED_BY_LABEL]: PROJECT },
  });
  return {
    serviceAccount: {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(SERVICE_ACCOUNT),
      // Redis itself gets no token; the updater's is a volume of its own.
      automountServiceAccountToken: false,
      ...(needs.imagePullSecrets.length > 0 && {
        imagePullSecrets: needs.imagePullSecrets.map((name) => ({ name })),
      }),
    },
    role: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: metadata(SERVICE_ACCOUNT),
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['list', 'get'] },
        {
          apiGroups: [''],
          resources: ['configmaps'],
          verbs: ['get', 'patch'],
          resourceNames: [NODES_CONFIG_MAP],
        },
      ],
    },
    roleBinding: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: metadata(SERVICE_ACCOUNT),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: SERVICE_ACCOUNT },
      subjects: boundAccounts(needs.serviceAccounts).map((name) => ({
        kind: 'ServiceAccount',
        name,
        namespace,
      })),
    },
    configMap: { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(NODES_CONFIG_MAP) },
  };
}

/** Ours first, then the others in a stable order, so that applying twice changes nothing. */
function boundAccounts(serviceAccounts: readonly string[]): string[] {
  const others = new Set(serviceAccounts.filter((name) => name !== SERVICE_ACCOUNT));
  return [SERVICE_ACCOUNT, ...[...others].sort()];
}
