/** Who asks: bearer tokens of the administrator and of service accounts. */
import { randomUUID } from 'node:crypto';
import { resources } from './resources.ts';
import { unauthorized } from './status.ts';
import type { Store } from './store.ts';

export type User = {
  name: string;
  groups: string[];
  /** The pod that a service account's token is bound to. */
  pod?: string;
};

export const ADMIN: User = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };
const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** The pod that a token is for; the token ends with it. */
export type BoundPod = { name: string; uid: string };
type Issued = { namespace: string; account: string; accountUid: string; pod?: BoundPod };

export class Users {
  readonly adminToken = randomUUID();
  readonly #store: Store;
  readonly #issued = new Map<string, Issued>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** A new token for a service account. Real ones are JWTs; nobody here looks inside. */
  issue(namespace: string, account: string, accountUid: string, pod?: BoundPod): string {
    const token = `sa-${randomUUID()}`;
    this.#issued.set(token, { namespace, account, accountUid, ...(pod && { pod }) });
    return token;
  }

  /** The user of an Authorization header. None is anonymous, a wrong or outlived token is a 401. */
  authenticate(authorization: string | undefined): User {
    if (!authorization) return ANONYMOUS;
    const [, token = ''] = /^Bearer\s+(\S+)$/i.exec(authorization) ?? [];
    if (token === this.adminToken) return ADMIN;
    const issued = this.#issued.get(token);
    if (!issued || !this.#isAlive(issued)) throw unauthorized();
    const { namespace, account, pod } = issued;
    return {
      name: `system:serviceaccount:${namespace}:${account}`,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
      ...(pod && { pod: pod.name }),
    };
  }

  #isAlive({ namespace, account, accountUid, pod }: Issued): boolean {
    const uidOf = (resource: (typeof resources)[keyof typeof resources], name: string) =>
      this.#store.get(resource, namespace, name)?.metadata.uid;
    if (uidOf(resources.serviceaccounts, account) !== accountUid) return false;
    return !pod || uidOf(resources.pods, pod.name) === pod.uid;
  }
}
