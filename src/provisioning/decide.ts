/** What to do about the objects of a namespace, from what is there and what should be. */
import { isDeepStrictEqual } from 'node:util';
import type { V1PolicyRule } from '@kubernetes/client-node';
import { PROJECT } from '../names.ts';
import { MANAGED_BY_LABEL, type NamespaceObject, type NamespaceObjects } from './objects.ts';
import type { ConfigMapView, RoleBindingView, RoleView, ServiceAccountView } from './views.ts';

/** What a namespace has under our names; undefined where there is nothing. */
export type Observed = {
  serviceAccount: ServiceAccountView | undefined;
  role: RoleView | undefined;
  roleBinding: RoleBindingView | undefined;
  configMap: ConfigMapView | undefined;
};

/** Why an object under one of our names is left as it is although injected pods cannot work with it. */
export type Obstacle = {
  reason: 'ForeignObject' | 'OtherRoleRef' | 'ImmutableConfigMap';
  /** The wanted object that has the name. */
  object: NamespaceObject;
  uid: string;
};

/** The same for the same obstacle: not when the object was made anew. */
export function obstacleKey({ reason, object, uid }: Obstacle): string {
  return `${reason}.${object.kind}.${uid}`.toLowerCase();
}

export type Step =
  /** `uid` is that of the object which is to be changed; undefined: none is there. */
  { kind: 'apply'; object: NamespaceObject; uid: string | undefined } | ({ kind: 'report' } & Obstacle);

/**
 * The steps from what is there to what should be, none if all is well.
 *
 * | there is                                          | step                                             |
 * |---------------------------------------------------|--------------------------------------------------|
 * | nothing                                           | apply                                            |
 * | account, role, binding without our label          | report: somebody else's                          |
 * | binding of another role (which cannot be changed) | report                                           |
 * | account, role, binding with other contents        | apply                                            |
 * | ConfigMap that is immutable                       | report: no pod can record itself                 |
 * | any other ConfigMap                               | nothing: users may write it before anything else |
 */
export function stepsFor(wanted: NamespaceObjects, observed: Observed): Step[] {
  const { serviceAccount, role, roleBinding, configMap } = observed;
  return [
    ownObject(wanted.serviceAccount, serviceAccount, (it) => isSameAccount(wanted.serviceAccount, it)),
    ownObject(wanted.role, role, (it) => isDeepStrictEqual(rules(it.rules), rules(wanted.role.rules))),
    bindingStep(wanted.roleBinding, roleBinding),
    configMapStep(wanted.configMap, configMap),
  ].filter((step) => step !== undefined);
}

type View = { metadata: ServiceAccountView['metadata'] };

function ownObject<T extends View>(
  object: NamespaceObject,
  seen: T | undefined,
  isRight: (seen: T) => boolean,
): Step | undefined {
  if (!seen) return { kind: 'apply', object, uid: undefined };
  const { uid = '', labels } = seen.metadata;
  if (labels?.[MANAGED_BY_LABEL] !== PROJECT) return { kind: 'report', reason: 'ForeignObject', object, uid };
  return isRight(seen) ? undefined : { kind: 'apply', object, uid };
}

function bindingStep(wanted: NamespaceObjects['roleBinding'], seen: RoleBindingView | undefined) {
  const step = ownObject(wanted, seen, (it) => isDeepStrictEqual(subjects(it), subjects(wanted)));
  if (!seen || step?.kind === 'report') return step;
  const { kind, name } = seen.roleRef;
  const isOurRole = kind === wanted.roleRef.kind && name === wanted.roleRef.name;
  if (isOurRole) return step;
  return report('OtherRoleRef', wanted, seen);
}

function configMapStep(wanted: NamespaceObjects['configMap'], seen: ConfigMapView | undefined) {
  if (!seen) return { kind: 'apply', object: wanted, uid: undefined } as const;
  return seen.immutable ? report('ImmutableConfigMap', wanted, seen) : undefined;
}

function report(reason: Obstacle['reason'], object: NamespaceObject, seen: View): Step {
  return { kind: 'report', reason, object, uid: seen.metadata.uid ?? '' };
}

/** Where we want pull secrets, the list is ours; where we want none, it is a user's, unless it was ours before. */
function isSameAccount(wanted: NamespaceObjects['serviceAccount'], seen: ServiceAccountView): boolean {
  const sameSecrets = wanted.imagePullSecrets
    ? isDeepStrictEqual(names(wanted.imagePullSecrets), names(seen.imagePullSecrets))
    : !seen.ownsPullSecrets;
  return seen.automountServiceAccountToken === wanted.automountServiceAccountToken && sameSecrets;
}

// A watch brings what the API server wrote, which is null for some lists that are empty.

function names(list: readonly { name?: string }[] | null | undefined) {
  return (list ?? []).map(({ name }) => name);
}

function rules(list: readonly V1PolicyRule[] | null | undefined) {
  return (list ?? []).map(({ apiGroups, resources, verbs, resourceNames, nonResourceURLs }) => ({
    apiGroups: apiGroups ?? [],
    resources: resources ?? [],
    verbs,
    resourceNames: resourceNames ?? [],
    nonResourceURLs: nonResourceURLs ?? [],
  }));
}

function subjects({ subjects }: Pick<RoleBindingView, 'subjects'>) {
  return (subjects ?? []).map(({ kind, name, namespace }) => ({ kind, name, namespace }));
}
