/** Which kinds the API serves. A further one is one more line here. */
import type { KubernetesObject } from './objects.ts';

export type Resource = {
  /** Empty for the core group. */
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
  subresources: readonly string[];
};

const kind = (
  groupVersion: string,
  plural: string,
  kind: string,
  { namespaced = true, subresources = [] as readonly string[] } = {},
): Resource => {
  const [version = '', group = ''] = groupVersion.split('/').reverse();
  return { group, version, plural, kind, namespaced, subresources };
};

export const resources = {
  namespaces: kind('v1', 'namespaces', 'Namespace', { namespaced: false }),
  pods: kind('v1', 'pods', 'Pod', { subresources: ['status', 'binding'] }),
  configmaps: kind('v1', 'configmaps', 'ConfigMap'),
  secrets: kind('v1', 'secrets', 'Secret'),
  serviceaccounts: kind('v1', 'serviceaccounts', 'ServiceAccount', { subresources: ['token'] }),
  events: kind('v1', 'events', 'Event'),
  limitranges: kind('v1', 'limitranges', 'LimitRange'),
  statefulsets: kind('apps/v1', 'statefulsets', 'StatefulSet', { subresources: ['status'] }),
  roles: kind('rbac.authorization.k8s.io/v1', 'roles', 'Role'),
  rolebindings: kind('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding'),
  clusterroles: kind('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole', { namespaced: false }),
  clusterrolebindings: kind('rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'ClusterRoleBinding', {
    namespaced: false,
  }),
  mutatingwebhookconfigurations: kind(
    'admissionregistration.k8s.io/v1',
    'mutatingwebhookconfigurations',
    'MutatingWebhookConfiguration',
    { namespaced: false },
  ),
} as const;

export const apiVersionOf = (resource: Resource): string =>
  resource.group ? `${resource.group}/${resource.version}` : resource.version;

/** The resource that a path names, if it is served. */
export function findResource(group: string, version: string, plural: string): Resource | undefined {
  return Object.values(resources).find(
    (resource) => resource.group === group && resource.version === version && resource.plural === plural,
  );
}

/** The resource of an object, by its kind. */
export function resourceOf(object: Pick<KubernetesObject, 'apiVersion' | 'kind'>): Resource | undefined {
  return Object.values(resources).find(
    (resource) => apiVersionOf(resource) === object.apiVersion && resource.kind === object.kind,
  );
}

/** The path under which a resource is served: a collection, or one object of it. */
export function pathOf(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = resource.group ? `/apis/${resource.group}/${resource.version}` : `/api/${resource.version}`;
  return [root, namespace && `namespaces/${namespace}`, resource.plural, name, subresource]
    .filter((part) => part)
    .join('/');
}
