/** The two subresources that are only ever created: a pod's binding to its node, a service account's token. */
import type { Pod } from './objects.ts';
import { isRecord } from './patch.ts';
import type { RequestInfo } from './request-info.ts';
import { resources } from './resources.ts';
import { badRequest, conflict, notFound, type StatusBody } from './status.ts';
import type { Store } from './store.ts';
import type { BoundPod, Users } from './users.ts';

/** What a scheduler does: gives the pod its node. */
export function bindPod(store: Store, { namespace, name }: RequestInfo, body: unknown): StatusBody {
  const pod = store.get(resources.pods, namespace, name) as Pod | undefined;
  if (!pod) throw notFound(resources.pods, name);
  const target = isRecord(body) && isRecord(body.target) ? body.target.name : undefined;
  if (typeof target !== 'string') throw badRequest('target.name: Required value');
  if (pod.spec.nodeName)
    throw conflict(resources.pods, name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  store.put(resources.pods, { ...pod, spec: { ...pod.spec, nodeName: target } });
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

/** What a kubelet asks for a projected token volume: a TokenRequest. */
export function requestToken(
  store: Store,
  users: Users,
  { namespace, name }: RequestInfo,
  body: unknown,
  now: Date,
): object {
  const account = store.get(resources.serviceaccounts, namespace, name);
  if (!account) throw notFound(resources.serviceaccounts, name);
  const spec = isRecord(body) && isRecord(body.spec) ? body.spec : {};
  const pod = isRecord(spec.boundObjectRef) ? (spec.boundObjectRef as BoundPod) : undefined;
  const seconds = typeof spec.expirationSeconds === 'number' ? spec.expirationSeconds : 3600;
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace },
    spec,
    status: {
      token: users.issue(namespace, name, account.metadata.uid ?? '', pod),
      expirationTimestamp: new Date(now.getTime() + seconds * 1000).toISOString(),
    },
  };
}
