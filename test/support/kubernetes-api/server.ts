/**
 * A Kubernetes API in this process, over HTTPS: enough of one for our own programs, and held to the real one by
 * the contract tests beside it. It knows no kubelet, scheduler or controller; see the folders next door.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answer, type Core } from './answer.ts';
import type { AuditEntry } from './audit.ts';
import { issueCertificate } from './certificates.ts';
import { ListPages } from './list-pages.ts';
import type { RequestInfo } from './request-info.ts';
import type { ApiError } from './status.ts';
import { Store } from './store.ts';
import { Users } from './users.ts';

export type KubernetesApi = {
  url: string;
  host: string;
  port: number;
  /** PEM of the authority that signed the server's certificate. */
  ca: string;
  adminToken: string;
  /** Every finished request, oldest first. */
  audit: readonly AuditEntry[];
  /** Forgets the history: older watches and continue tokens get 410. */
  compact(): void;
  /** Answers requests with errors of the test's choice; `undefined` lets a request pass. */
  intercept(refuse: (info: RequestInfo) => ApiError | undefined): void;
  /** A kubeconfig for the administrator (JSON, which is YAML). */
  kubeconfig(): string;
  close(): Promise<void>;
};

/** Starts an API on a free port of 127.0.0.1. */
export async function startKubernetesApi({ now = () => new Date() } = {}): Promise<KubernetesApi> {
  const { ca, certificate, key } = await issueCertificate(['127.0.0.1', 'localhost']);
  const store = new Store();
  const core: Core = {
    store,
    now,
    ca,
    users: new Users(store),
    pages: new ListPages(store),
    audit: [],
    intercept: () => undefined,
  };
  const server = createServer(
    { cert: certificate, key },
    (request: IncomingMessage, response: ServerResponse) => void answer(core, request, response),
  );
  // A real API server keeps idle connections; node's 5 s would cut clients off in mid-request.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `https://127.0.0.1:${port}`;
  return {
    url,
    host: '127.0.0.1',
    port,
    ca,
    adminToken: core.users.adminToken,
    audit: core.audit,
    compact: () => store.compact(),
    intercept: (refuse) => {
      core.intercept = refuse;
    },
    kubeconfig: () => kubeconfig(url, ca, core.users.adminToken),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function kubeconfig(server: string, ca: string, token: string): string {
  const name = 'in-process';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      { name, cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  });
}
