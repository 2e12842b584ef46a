/** The objects of all namespaces that provisioning decides by, each kind followed by one watch. */
import { AppsV1Api, CoreV1Api, type KubernetesObject, RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { NAMESPACE_LABEL, NAMESPACE_LABEL_VALUE, NODES_CONFIG_MAP, SERVICE_ACCOUNT } from '../names.ts';
import {
  viewConfigMap,
  viewNamespace,
  viewRole,
  viewRoleBinding,
  viewServiceAccount,
  viewStatefulSet,
} from '../provisioning/views.ts';
import { apiFailure } from './api-failure.ts';
import type { PooledKubeConfig } from './client.ts';
import { type InformerOptions, type LastingInformer, startInformer } from './lasting-informer.ts';
import { listAll, type Page } from './list-all.ts';

type Common = Pick<InformerOptions<KubernetesObject>, 'now' | 'random' | 'onError' | 'onSynced'> & {
  /** Told the namespace in which something changed. */
  onChange(namespace: string): void;
};

export type ProvisioningCaches = ReturnType<typeof followProvisioning>;

/** Follows opted-in namespaces, all StatefulSets (reduced), and whatever has one of our four names. */
export function followProvisioning(config: PooledKubeConfig, common: Common) {
  const core = config.makeApiClient(CoreV1Api);
  const apps = config.makeApiClient(AppsV1Api);
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  const optedIn = { labelSelector: `${NAMESPACE_LABEL}=${NAMESPACE_LABEL_VALUE}` };
  const named = (name: string) => ({ fieldSelector: `metadata.name=${name}` });
  const ours = named(SERVICE_ACCOUNT);
  const map = named(NODES_CONFIG_MAP);

  function follow<Whole extends KubernetesObject, View extends KubernetesObject>(
    path: string,
    selector: { labelSelector?: string; fieldSelector?: string },
    fetchPage: (request: Page & typeof selector) => Promise<{ items: Whole[] }>,
    view: (object: Whole) => View,
  ): LastingInformer<View> {
    return startInformer<View>({
      ...common,
      ...selector,
      config,
      path,
      list: () => listAll((page) => fetchPage({ ...page, ...selector }), view),
      // The watch brings whole objects, whatever the informer's type says.
      reduce: (object) => view(object as unknown as Whole),
      onChange: ({ metadata }) => common.onChange(metadata?.namespace ?? metadata?.name ?? ''),
      onError: (error) => common.onError(apiFailure(error, `follow ${path}`)),
    });
  }

  const rbacPath = '/apis/rbac.authorization.k8s.io/v1';
  return {
    namespaces: follow('/api/v1/namespaces', optedIn, (r) => core.listNamespace(r), viewNamespace),
    statefulSets: follow(
      '/apis/apps/v1/statefulsets',
      {},
      (r) => apps.listStatefulSetForAllNamespaces(r),
      viewStatefulSet,
    ),
    serviceAccounts: follow(
      '/api/v1/serviceaccounts',
      ours,
      (r) => core.listServiceAccountForAllNamespaces(r),
      viewServiceAccount,
    ),
    roles: follow(`${rbacPath}/roles`, ours, (r) => rbac.listRoleForAllNamespaces(r), viewRole),
    roleBindings: follow(
      `${rbacPath}/rolebindings`,
      ours,
      (r) => rbac.listRoleBindingForAllNamespaces(r),
      viewRoleBinding,
    ),
    configMaps: follow(
      '/api/v1/configmaps',
      map,
      (r) => core.listConfigMapForAllNamespaces(r),
      viewConfigMap,
    ),
  };
}
