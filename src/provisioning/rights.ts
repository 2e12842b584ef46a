import type { V1PolicyRule } from '@kubernetes/client-node';
import { NODES_CONFIG_MAP, SERVICE_ACCOUNT } from '../names.ts';
import { namespaceObjects } from './objects.ts';

/** What an apply needs; create as well, because it may be the first. RBAC sees the name in both. */
const FOLLOW_AND_APPLY = ['get', 'list', 'watch', 'create', 'patch'];

/**
 * The cluster-wide rules that provisioning needs, for the ClusterRole of the chart. A list or watch with the
 * field selector metadata.name=NAME counts as one of that name, so that the objects are followed in all
 * namespaces without a right to see any other.
 */
export function provisioningRules(): V1PolicyRule[] {
  return [
    { apiGroups: [''], resources: ['namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get', 'list', 'watch'] },
    {
      apiGroups: [''],
      resources: ['serviceaccounts'],
      resourceNames: [SERVICE_ACCOUNT],
      verbs: FOLLOW_AND_APPLY,
    },
    {
      apiGroups: [''],
      resources: ['configmaps'],
      resourceNames: [NODES_CONFIG_MAP],
      verbs: FOLLOW_AND_APPLY,
    },
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['roles', 'rolebindings'],
      resourceNames: [SERVICE_ACCOUNT],
      verbs: FOLLOW_AND_APPLY,
    },
    { apiGroups: [''], resources: ['events'], verbs: ['create'] },
    // Nobody may grant what he does not hold.
    ...granted(),
  ];
}

function granted(): V1PolicyRule[] {
  const { role } = namespaceObjects({ namespace: '', serviceAccounts: [], imagePullSecrets: [] });
  return role.rules ?? [];
}
