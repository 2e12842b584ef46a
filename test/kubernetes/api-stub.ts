import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { issueDevelopmentCertificates } from '../../certs/dev-certs.ts';

export type ApiRequest = { path: string; query: URLSearchParams; response: ServerResponse };

/**
 * A real HTTPS server in place of an API server, that does what `serve` says and nothing by itself; and a
 * kubeconfig for it. For faults that a real API server cannot be made to have.
 */
export async function startApiStub(t: Test, serve: (request: ApiRequest) => void) {
  const directory = t.testdir();
  const { ca, certFile, keyFile } = await issueDevelopmentCertificates({ directory, hosts: ['127.0.0.1'] });
  const counts = { connections: 0 };
  const server: Server = createServer(
    { cert: readFileSync(certFile), key: readFileSync(keyFile) },
    (request: IncomingMessage, response) => {
      const url = new URL(request.url ?? '/', 'https://api');
      serve({ path: url.pathname, query: url.searchParams, response });
    },
  );
  server.on('secureConnection', () => {
    counts.connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const kubeconfig = join(directory, 'kubeconfig');
  const cluster = {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    'certificate-authority-data': Buffer.from(ca).toString('base64'),
  };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'stub',
      contexts: [{ name: 'stub', context: { cluster: 'stub', user: 'stub' } }],
      clusters: [{ name: 'stub', cluster }],
      users: [{ name: 'stub', user: { token: 'secret' } }],
    }),
  );
  return { server, directory, kubeconfig, counts };
}

export function json(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function status(response: ServerResponse, code: number): void {
  json(response, code, {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    message: 'as the test wants',
  });
}

/** A StatefulSet, labelled unless told. */
export function statefulSet(name: string, metadata: object = {}) {
  const labels = { 'redis-ip-updater.io/inject': 'true' };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '1', labels, ...metadata },
  };
}

export function list(items: object[], resourceVersion = '1'): object {
  return { apiVersion: 'apps/v1', kind: 'StatefulSetList', metadata: { resourceVersion }, items };
}

/** Starts a watch response; call the result for each event. */
export function watchStream(response: ServerResponse): (type: string, object: unknown) => void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  return (type, object) => response.write(`${JSON.stringify({ type, object })}\n`);
}
