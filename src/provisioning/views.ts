/**
 * What is remembered of the objects of a whole cluster: the few fields that the decisions read. A StatefulSet
 * of 10 KB becomes some 300 bytes, a ConfigMap keeps its entries but not a long nodes.txt.
 */
import type {
  V1ConfigMap,
  V1Namespace,
  V1ObjectMeta,
  V1Role,
  V1RoleBinding,
  V1ServiceAccount,
  V1StatefulSet,
} from '@kubernetes/client-node';
import { annotations, INJECT_LABEL, NODES_TXT_KEY, PROJECT } from '../names.ts';

/** Enough for an informer's cache, and to name one object in a later request. */
type Identity = Pick<V1ObjectMeta, 'namespace' | 'uid' | 'resourceVersion' | 'labels'> & { name: string };

export type NamespaceView = { metadata: Identity; terminating: boolean };

export type StatefulSetView = {
  metadata: Identity;
  /** Whether its pods are injected. */
  injected: boolean;
  /** The account that its pod template names; `default` where it names none. */
  serviceAccount: string;
  /** Whether its pods stay with `default` (annotation `service-account: keep`). */
  keepsDefault: boolean;
  /** The ordinals that it wants: from `firstOrdinal` on, `replicas` of them. */
  firstOrdinal: number;
  replicas: number;
  /** Whether its controller has seen the current spec, and no pod beyond it is left. */
  settled: boolean;
};

export type ServiceAccountView = Pick<
  V1ServiceAccount,
  'automountServiceAccountToken' | 'imagePullSecrets'
> & {
  metadata: Identity;
  /** Whether the pull secrets are what we applied: the API server knows one owner for the whole list. */
  ownsPullSecrets: boolean;
};

export type RoleView = Pick<V1Role, 'rules'> & { metadata: Identity };
export type RoleBindingView = Pick<V1RoleBinding, 'roleRef' | 'subjects'> & { metadata: Identity };
export type ConfigMapView = { metadata: Identity; immutable: boolean; entries: Record<string, string> };

export function viewNamespace({ metadata, status }: V1Namespace): NamespaceView {
  const terminating = metadata?.deletionTimestamp !== undefined || status?.phase === 'Terminating';
  return { metadata: identity(metadata), terminating };
}

export function viewStatefulSet({ metadata, spec, status }: V1StatefulSet): StatefulSetView {
  const template = spec?.template;
  const onPod = template?.metadata?.labels?.[INJECT_LABEL];
  const labelled = onPod === 'true' || metadata?.labels?.[INJECT_LABEL] === 'true';
  const account =
    template?.metadata?.annotations?.[annotations.serviceAccount] ??
    metadata?.annotations?.[annotations.serviceAccount];
  const replicas = spec?.replicas ?? 1;
  const observed = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1);
  return {
    metadata: identity(metadata),
    injected: labelled && onPod !== 'false',
    serviceAccount: template?.spec?.serviceAccountName || template?.spec?.serviceAccount || 'default',
    keepsDefault: account === 'keep',
    firstOrdinal: spec?.ordinals?.start ?? 0,
    replicas,
    settled: observed && (status?.replicas ?? 0) <= replicas && !metadata?.deletionTimestamp,
  };
}

export function viewServiceAccount(account: V1ServiceAccount): ServiceAccountView {
  const { metadata, automountServiceAccountToken, imagePullSecrets } = account;
  return {
    metadata: identity(metadata),
    automountServiceAccountToken,
    imagePullSecrets,
    ownsPullSecrets: ownsPullSecrets(metadata),
  };
}

export function viewRole({ metadata, rules }: V1Role): RoleView {
  return { metadata: identity(metadata), rules };
}

export function viewRoleBinding({ metadata, roleRef, subjects }: V1RoleBinding): RoleBindingView {
  return { metadata: identity(metadata), roleRef, subjects };
}

export function viewConfigMap({ metadata, immutable, data }: V1ConfigMap): ConfigMapView {
  const entries = Object.fromEntries(Object.entries(data ?? {}).filter(([key]) => key !== NODES_TXT_KEY));
  return { metadata: identity(metadata), immutable: immutable === true, entries };
}

function identity(metadata: V1ObjectMeta | undefined): Identity {
  const { name = '', namespace, uid, resourceVersion, labels } = metadata ?? {};
  return { name, namespace, uid, resourceVersion, labels };
}

function ownsPullSecrets(metadata: V1ObjectMeta | undefined): boolean {
  const ours = metadata?.managedFields?.find(
    ({ manager, operation }) => manager === PROJECT && operation === 'Apply',
  );
  return 'f:imagePullSecrets' in (ours?.fieldsV1 ?? {});
}
