/** What each account may do. This table is the specification: all that is not in it has to be refused. */
import {
  CA_SECRET,
  NODES_CONFIG_MAP,
  PROJECT,
  SERVICE_ACCOUNT,
  WEBHOOK_CONFIGURATION,
} from '../../../../src/names.ts';
import type { Question } from './every-request.ts';

export type Allowed = {
  verbs: string;
  resource: string;
  /** Only this object; any, and lists of all, where it is not given. */
  name?: string;
  /** Only in this namespace; everywhere where it is not given. */
  namespace?: string;
};

/** What Kubernetes itself lets every account do: ask about itself. */
const everybody: Allowed[] = [
  { verbs: 'create', resource: 'selfsubjectreviews.authentication.k8s.io' },
  { verbs: 'create', resource: 'selfsubjectaccessreviews.authorization.k8s.io' },
  { verbs: 'create', resource: 'selfsubjectrulesreviews.authorization.k8s.io' },
];

const webhook: Allowed[] = [
  ...everybody,
  // Admission: whose pod it is, whether raised memory is allowed.
  { verbs: 'get list watch', resource: 'statefulsets.apps' },
  { verbs: 'list', resource: 'limitranges' },
  // Provisioning: four objects of fixed names in each namespace, and what the updaters are given.
  { verbs: 'list watch', resource: 'namespaces' },
  { verbs: 'get list watch create patch', resource: 'serviceaccounts', name: SERVICE_ACCOUNT },
  { verbs: 'get list watch create patch', resource: 'configmaps', name: NODES_CONFIG_MAP },
  {
    verbs: 'get list watch create patch',
    resource: 'roles.rbac.authorization.k8s.io',
    name: SERVICE_ACCOUNT,
  },
  {
    verbs: 'get list watch create patch',
    resource: 'rolebindings.rbac.authorization.k8s.io',
    name: SERVICE_ACCOUNT,
  },
  { verbs: 'get list', resource: 'pods' },
  { verbs: 'create', resource: 'events' },
];

const selfManagedCertificates: Allowed[] = [
  {
    verbs: 'get list watch patch',
    resource: 'mutatingwebhookconfigurations.admissionregistration.k8s.io',
    name: WEBHOOK_CONFIGURATION,
  },
  { verbs: 'get list watch patch', resource: 'secrets', name: CA_SECRET, namespace: PROJECT },
  { verbs: 'create', resource: 'secrets', namespace: PROJECT },
];

/** The accounts that injected pods of a namespace run as. */
const bound = (namespace: string): Allowed[] => [
  ...everybody,
  { verbs: 'get list', resource: 'pods', namespace },
  { verbs: 'get patch', resource: 'configmaps', name: NODES_CONFIG_MAP, namespace },
];

export const allowed = {
  'the webhook': [...webhook, ...selfManagedCertificates],
  'the webhook with a certificate from elsewhere': webhook,
  'the updater': bound('shop'),
  'a custom account of an injected StatefulSet': bound('shop'),
  'the default account': everybody,
};

export function isAllowed(table: readonly Allowed[], { verb, resource, name, namespace }: Question): boolean {
  return table.some(
    (row) =>
      row.resource === resource &&
      row.verbs.split(' ').includes(verb) &&
      (row.name === undefined || row.name === name) &&
      (row.namespace === undefined || row.namespace === namespace),
  );
}
