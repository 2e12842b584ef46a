import { SERVICE_ACCOUNT } from '../names.ts';
import type { RoleBindingView, StatefulSetView } from './views.ts';

/**
 * The accounts of a namespace, beside ours, that injected pods run as: those of injected StatefulSets. One that
 * is bound stays bound while any StatefulSet names it, because pods that were injected before their StatefulSet
 * was unlabelled still need the rights when their node reboots. A subject that no StatefulSet names goes.
 */
export function accountsToBind(
  statefulSets: readonly StatefulSetView[],
  binding: RoleBindingView | undefined,
): string[] {
  const bound = new Set(binding?.subjects?.map(({ name }) => name));
  const accounts = statefulSets
    .filter((statefulSet) => keepsItsAccount(statefulSet) || bound.has(statefulSet.serviceAccount))
    .map(({ serviceAccount }) => serviceAccount)
    .filter((name) => name !== SERVICE_ACCOUNT);
  return [...new Set(accounts)].sort();
}

/** As admission has it: a pod without an account of its own is given ours, unless the annotation says `keep`. */
function keepsItsAccount({ injected, serviceAccount, keepsDefault }: StatefulSetView): boolean {
  return injected && (serviceAccount !== 'default' || keepsDefault);
}
