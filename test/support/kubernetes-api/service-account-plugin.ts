/**
 * What the admission plugin ServiceAccount does to a pod: gives it the account `default`, refuses an account that
 * does not exist, and mounts a token into every container, unless pod or account say no.
 */
import { randomBytes } from 'node:crypto';
import type { Container, Pod, ServiceAccount, Volume } from './objects.ts';
import { resources } from './resources.ts';
import { forbidden } from './status.ts';
import type { Store } from './store.ts';

const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_SECONDS = 3607;

/** The mutating half, before the webhooks. */
export function giveServiceAccount(store: Store, pod: Pod): Pod {
  const name = pod.spec.serviceAccountName || 'default';
  const named = { ...pod, spec: { ...pod.spec, serviceAccountName: name, serviceAccount: name } };
  const account = requireServiceAccount(store, named);
  const mounted = pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  return mounted ? withToken(named) : named;
}

/** The validating half, after them: the account that a webhook chose must exist, too. */
export function requireServiceAccount(store: Store, pod: Pod): ServiceAccount {
  const { name, namespace = '' } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? '';
  const found = store.get(resources.serviceaccounts, namespace, account);
  if (found) return found;
  const why = `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`;
  throw forbidden(resources.pods, name, why);
}

function withToken(pod: Pod): Pod {
  const volume = tokenVolume(`kube-api-access-${randomBytes(3).toString('hex').slice(0, 5)}`);
  const mounts = (container: Container) =>
    (container.volumeMounts ?? []).some(({ mountPath }) => mountPath === TOKEN_PATH);
  const withMount = (container: Container): Container =>
    mounts(container)
      ? container
      : {
          ...container,
          volumeMounts: [
            ...(container.volumeMounts ?? []),
            { name: volume.name, mountPath: TOKEN_PATH, readOnly: true },
          ],
        };
  const { initContainers, containers, volumes = [] } = pod.spec;
  if ([...(initContainers ?? []), ...containers].every(mounts)) return pod;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      volumes: [...volumes, volume],
      containers: containers.map(withMount),
      ...(initContainers && { initContainers: initContainers.map(withMount) }),
    },
  };
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_SECONDS } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}
