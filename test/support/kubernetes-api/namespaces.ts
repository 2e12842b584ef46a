/** What the controller manager puts into every new namespace, here before the creation is answered. */
import { randomUUID } from 'node:crypto';
import { resources } from './resources.ts';
import type { Store } from './store.ts';

/** Adds the ServiceAccount `default` and the ConfigMap with the API server's CA. */
export function furnishNamespace(
  store: Store,
  namespace: string,
  ca: string,
  creationTimestamp: string,
): void {
  const metadata = (name: string) => ({ name, namespace, uid: randomUUID(), creationTimestamp });
  store.put(resources.serviceaccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadata('default'),
  });
  store.put(resources.configmaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata('kube-root-ca.crt'),
    data: { 'ca.crt': ca },
  });
}
