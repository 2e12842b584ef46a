import { INJECTED_LABEL, NODES_CONFIG_MAP, NODES_VOLUME, STATUS_ANNOTATION, TOKEN_VOLUME } from '../names.ts';
import { type InitContainerParts, initContainer } from './init-container.ts';

/** What is put into a pod: nothing of the pod is taken away or changed but its default service account. */
export type Injection = {
  initContainer: object;
  order: 'first' | 'last';
  volumes: object[];
  /** Those of the updater's image; a pod may have some of them already. */
  imagePullSecrets: readonly string[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  serviceAccountName: string | undefined;
};

/** Seconds a token lives; the shortest that the API server issues, and the updater's deadline is half of it. */
const TOKEN_SECONDS = 600;

/** Everything that is injected, for a pod whose redis container is `container`. */
export function injection(
  parts: InitContainerParts,
  container: string,
  serviceAccountName: string | undefined,
): Injection {
  const status = { version: parts.updater.version, container, path: parts.path };
  return {
    initContainer: initContainer(parts),
    order: parts.settings.order,
    volumes: [nodesVolume(), tokenVolume()],
    imagePullSecrets: parts.updater.imagePullSecrets,
    labels: { [INJECTED_LABEL]: 'true' },
    annotations: { [STATUS_ANNOTATION]: JSON.stringify(status) },
    serviceAccountName,
  };
}

/** Optional: a pod that starts before the map is made waits in the updater, which can say so, not before it. */
function nodesVolume(): object {
  return { name: NODES_VOLUME, configMap: { name: NODES_CONFIG_MAP, optional: true } };
}

/** A token of its own, for the API server's audience, so pods without an automounted token work as well. */
function tokenVolume(): object {
  const token = { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_SECONDS } };
  const ca = { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } };
  return { name: TOKEN_VOLUME, projected: { sources: [token, ca] } };
}
