/** RBAC, evaluated from the stored Roles and bindings as kube-apiserver's authorizer does. */
import type { KubernetesObject } from './objects.ts';
import type { RequestInfo } from './request-info.ts';
import { resources } from './resources.ts';
import { forbidden } from './status.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';

type Subject = { kind: string; name: string; namespace?: string };
type Rule = { verbs?: string[]; apiGroups?: string[]; resources?: string[]; resourceNames?: string[] };
type Binding = KubernetesObject & { subjects?: Subject[]; roleRef: { kind: string; name: string } };

/** Lets a request pass or refuses it with a 403 that says what is missing. */
export function authorize(store: Store, user: User, info: RequestInfo): void {
  if (user.groups.includes('system:masters')) return;
  if (rulesOf(store, user, info.namespace).some((rule) => allows(rule, info))) return;
  throw forbidden(info.resource, info.name, refusal(user, info));
}

function rulesOf(store: Store, user: User, namespace: string): Rule[] {
  const everywhere = store.list(resources.clusterrolebindings);
  const here = namespace ? store.list(resources.rolebindings, namespace) : [];
  return ([...everywhere, ...here] as Binding[])
    .filter((binding) => (binding.subjects ?? []).some((subject) => names(subject, user)))
    .flatMap(({ roleRef }) => {
      const role =
        roleRef.kind === 'ClusterRole'
          ? store.get(resources.clusterroles, '', roleRef.name)
          : store.get(resources.roles, namespace, roleRef.name);
      return (role?.rules ?? []) as Rule[];
    });
}

function names(subject: Subject, user: User): boolean {
  if (subject.kind === 'ServiceAccount')
    return user.name === `system:serviceaccount:${subject.namespace}:${subject.name}`;
  return subject.kind === 'Group' ? user.groups.includes(subject.name) : user.name === subject.name;
}

function allows(rule: Rule, { verb, resource, subresource, name, query }: RequestInfo): boolean {
  const wanted = subresource ? `${resource.plural}/${subresource}` : resource.plural;
  const includes = (list: string[] | undefined, value: string) =>
    (list ?? []).includes('*') || (list ?? []).includes(value);
  // A list or watch of one name, by field selector, counts as being about that name.
  const [, selected = ''] = /^metadata\.name=([^,]+)$/.exec(query.get('fieldSelector') ?? '') ?? [];
  const named = !rule.resourceNames?.length || rule.resourceNames.includes(name || selected);
  return (
    named &&
    includes(rule.verbs, verb) &&
    includes(rule.apiGroups, resource.group) &&
    includes(rule.resources, wanted)
  );
}

function refusal(user: User, { verb, resource, subresource, namespace }: RequestInfo): string {
  const what = subresource ? `${resource.plural}/${subresource}` : resource.plural;
  const where = namespace ? `in the namespace "${namespace}"` : 'at the cluster scope';
  return `User "${user.name}" cannot ${verb} resource "${what}" in API group "${resource.group}" ${where}`;
}
