import { randomBytes } from 'node:crypto';
import type { Api } from './api.ts';

/** The one node of a cluster. */
export const NODE_NAME = 'node-1';

/** The components under the names that Kubernetes' own RBAC knows them by, and one who may do everything. */
const groupsOf = {
  admin: ['system:masters'],
  'system:kube-controller-manager': [],
  'system:kube-scheduler': [],
  'system:kube-proxy': [],
  [`system:node:${NODE_NAME}`]: ['system:nodes'],
} as const;

export type User = keyof typeof groupsOf;
export type Tokens = Record<User, string>;

/** A new token for each user. */
export function createTokens(): Tokens {
  const users = Object.keys(groupsOf).map((user) => [user, randomBytes(16).toString('hex')]);
  return Object.fromEntries(users) as Tokens;
}

/** The content of kube-apiserver's --token-auth-file. */
export function tokenFile(tokens: Tokens): string {
  return Object.entries(groupsOf)
    .map(([user, groups]) => `${tokens[user as User]},${user},${user},"${groups.join(',')}"\n`)
    .join('');
}

/** A token of a service account, as the API server issues it. */
export async function requestToken(api: Api, namespace: string, account: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  return (await api.request('POST', path, request)).status.token;
}

/** A kubeconfig (JSON is YAML too) of one user. */
export function kubeconfig({ url, caPem, token }: { url: string; caPem: string; token: string }): string {
  const name = 'test';
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name,
          cluster: { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') },
        },
      ],
      users: [{ name, user: { token } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    },
    null,
    2,
  );
}
