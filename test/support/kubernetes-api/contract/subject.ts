/** What the contract needs of an API, ours or a real one. */
import { Client } from '../client.ts';

export type Subject = {
  url: string;
  ca: string;
  /** Bearer token of somebody who may do everything. */
  adminToken: string;
  /**
   * Forgets the history. A real API server remembers in two places: its etcd is compacted, and it has to be
   * started anew, since its watch cache serves old pages and watches as well.
   */
  compact(): Promise<void>;
  /** Resolves when controllers have put into a new namespace what they put into each: no watch must see that. */
  settled?(namespace: string): Promise<void>;
};

/** A client for a token; who makes it closes it. */
export function clientFor({ url, ca, adminToken }: Subject, token = adminToken): Client {
  return new Client({ url, ca, token });
}

export const configMaps = (namespace: string, name = '') =>
  `/api/v1/namespaces/${namespace}/configmaps${name && `/${name}`}`;

export const pods = (namespace: string, name = '') =>
  `/api/v1/namespaces/${namespace}/pods${name && `/${name}`}`;

export const configMap = (name: string, data: Record<string, string> = {}, labels = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
  data,
});

/** A pod that no kubelet ever runs. */
export const pod = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'main', image: 'example.org/nothing' }], ...spec },
});
