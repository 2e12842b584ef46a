import { SERVICE_ACCOUNT } from '../names.ts';
import type { RoleBindingView, StatefulSetView } from './views.ts';

/**
 * The accounts of a namespace, beside ours, that injected pods run as: those of injected StatefulSets, and every
 * one that is bound already. A StatefulSet names only the account of its newest pods: those of an older revision
 * (a partition, OnDelete, a rollout that is under way), of an unlabelled StatefulSet, or of one that was deleted
 * with its pods left alone would otherwise be refused when their node reboots. The rights are small.
 */
export function accountsToBind(
  statefulSets: readonly StatefulSetView[],
  binding: RoleBindingView | undefined,
): string[] {
  const bound = binding?.subjects?.map(({ name }) => name) ?? [];
  const named = statefulSets.filter(keepsItsAccount).map(({ serviceAccount }) => serviceAccount);
  return [...new Set([...bound, ...named])].filter((name) => name !== SERVICE_ACCOUNT).sort();
}

/** As admission has it: a pod without an account of its own is given ours, unless the annotation says `keep`. */
function keepsItsAccount({ injected, serviceAccount, keepsDefault }: StatefulSetView): boolean {
  return injected && (serviceAccount !== 'default' || keepsDefault);
}
