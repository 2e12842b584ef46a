/** Every request that an API server knows, as its authorizers see it: each verb of each resource, each place. */
import type { Api } from '../../../cluster/kubernetes/api.ts';

/** What an authorizer is asked, without who asks. */
export type Question = {
  verb: string;
  /** As RBAC writes it: `pods/exec`, `statefulsets.apps`, `deployments.apps/scale`. */
  resource: string;
  /** Null for what belongs to no namespace, or to all of them. */
  namespace: string | null;
  /** Null for a request that names no object. */
  name: string | null;
};

type Resource = { group: string; name: string; namespaced: boolean; verbs: readonly string[] };

/** Verbs that no discovery names, since they are not requests but permissions within others. */
const BESIDES_DISCOVERY: Resource[] = [
  ...['roles', 'clusterroles'].map((name) => ({
    group: 'rbac.authorization.k8s.io',
    name,
    namespaced: name === 'roles',
    verbs: ['escalate', 'bind'],
  })),
  ...['users', 'groups'].map((name) => ({ group: '', name, namespaced: false, verbs: ['impersonate'] })),
  { group: '', name: 'serviceaccounts', namespaced: true, verbs: ['impersonate'] },
  ...['uids', 'userextras/scopes'].map((name) => ({
    group: 'authentication.k8s.io',
    name,
    namespaced: false,
    verbs: ['impersonate'],
  })),
  { group: 'certificates.k8s.io', name: 'signers', namespaced: false, verbs: ['approve', 'sign', 'attest'] },
  // What the kubelet asks for on its own port.
  ...['stats', 'metrics', 'log', 'spec', 'configz', 'healthz', 'pods', 'checkpoint'].map((part) => ({
    group: '',
    name: `nodes/${part}`,
    namespaced: false,
    verbs: ['get', 'create'],
  })),
  // Whoever may this, may all.
  { group: '*', name: '*', namespaced: false, verbs: ['*'] },
];

/** Every resource and subresource that the API server serves, each once, with the verbs of all its versions. */
export async function everyResource(api: Api): Promise<Resource[]> {
  const { groups } = await api.request('GET', '/apis');
  const versions: string[] = groups.flatMap(({ versions }: { versions: { groupVersion: string }[] }) =>
    versions.map(({ groupVersion }) => groupVersion),
  );
  const lists = await Promise.all(
    ['v1', ...versions].map(async (version) => {
      const isCore = version === 'v1';
      const list = await api.request('GET', isCore ? '/api/v1' : `/apis/${version}`);
      const group = isCore ? '' : (version.split('/')[0] as string);
      return (list.resources as Omit<Resource, 'group'>[]).map((resource) => ({ ...resource, group }));
    }),
  );
  const all = new Map<string, Resource>();
  for (const resource of lists.flat()) {
    const key = `${resource.group}/${resource.name}`;
    const verbs = [...new Set([...(all.get(key)?.verbs ?? []), ...resource.verbs])];
    all.set(key, { ...resource, verbs });
  }
  return [...all.values(), ...BESIDES_DISCOVERY];
}

/** Each verb of each resource in each of the namespaces and in all of them; without a name and with each that fits. */
export function* everyQuestion(
  resources: readonly Resource[],
  namespaces: readonly string[],
  namesOf: (resource: string) => readonly string[],
): Generator<Question> {
  for (const { group, name: full, namespaced, verbs } of resources) {
    const [plain = '', subresource] = full.split('/');
    const resource = [group === '' ? plain : `${plain}.${group}`, subresource].filter(Boolean).join('/');
    for (const namespace of namespaced ? [...namespaces, null] : [null]) {
      for (const verb of verbs) {
        for (const name of [null, ...namesOf(resource)]) yield { verb, resource, namespace, name };
      }
    }
  }
}

export type Whom = { username: string; groups: string[]; uid?: string; extra?: Record<string, string[]> };

/** Who the API server takes the bearer of this token for. */
export async function whoIs(api: Api): Promise<Whom> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const { status } = await api.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', body);
  return status.userInfo;
}

/** Whether the API server would let them; asked as somebody whom it never makes wait. */
export async function mayThey(admin: Api, whom: Whom, question: Question): Promise<boolean> {
  const [resource = '', subresource] = question.resource.split('/');
  const [plain, ...group] = resource.split('.');
  return allowed(admin, whom, {
    resourceAttributes: {
      verb: question.verb,
      group: group.join('.'),
      version: '*',
      resource: plain,
      ...(subresource && { subresource }),
      ...(question.namespace !== null && { namespace: question.namespace }),
      ...(question.name !== null && { name: question.name }),
    },
  });
}

/** The same for a path that is no resource. */
export function mayReach(admin: Api, whom: Whom, verb: string, path: string): Promise<boolean> {
  return allowed(admin, whom, { nonResourceAttributes: { verb, path } });
}

async function allowed(admin: Api, { username, ...whom }: Whom, attributes: object): Promise<boolean> {
  const { status } = await admin.request('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user: username, ...whom, ...attributes },
  });
  if (status.evaluationError) throw new Error(`${status.evaluationError}: ${JSON.stringify(attributes)}`);
  return status.allowed;
}
