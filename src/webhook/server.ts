import type { Server } from 'node:https';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { KeyPair } from '../certificates/key-pair.ts';
import { type AppOptions, app } from './app.ts';
import { limitConnections } from './connections.ts';
import { createIntake } from './intake.ts';

/** Two objects of the API server's largest size (3 MiB, the new and the old one) and the review around them. */
const BODY_MAX_BYTES = 7 * 1024 * 1024;

/**
 * The API server closes an idle connection after 90 s. One that we closed before might be just about to carry a
 * request, which would fail: so nothing of node's closes any earlier. That goes for connections that have not been
 * used yet, too, which API servers open ahead, and to which node's two other timeouts apply.
 */
const IDLE_TIMEOUT_MS = 100_000;
const TIMEOUTS = {
  keepAliveTimeout: IDLE_TIMEOUT_MS,
  headersTimeout: IDLE_TIMEOUT_MS,
  requestTimeout: IDLE_TIMEOUT_MS,
  /** An API server begins at once. */
  handshakeTimeout: 10_000,
};

/**
 * For a pod with the chart's 512 MiB, of which node's heap takes 259 at most (docs/decisions/webhook-overload.md has
 * the account). An API server carries out 200 changes at a time by default, each on a connection of its own.
 */
const CONNECTIONS_MAX = 1_500;
const INTAKE = {
  heldMaxBytes: 32 * 1024 * 1024,
  requestCostBytes: 64 * 1024,
  handledMaxBytes: BODY_MAX_BYTES,
  // The API server itself waits for 5 s.
  bodyTimeoutMs: 10_000,
  slowMs: 1_000,
};

/**
 * How a client ends a handshake because of our certificate. Go's API servers send the first of them for every reason;
 * they do so before the handshake is complete, so it is seen here.
 */
const DISTRUST = /ALERT_(BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNKNOWN_CA)$/;

export type ServerOptions = Omit<AppOptions, 'intake'> & {
  /** Told of each handshake that a client ended because it does not trust our certificate. */
  onDistrust(): void;
  /** Told of each connection that was closed because there were too many. */
  onConnectionClosed(): void;
};

/**
 * The HTTPS server of the webhook, not listening yet, and without a certificate: no handshake succeeds until it is
 * given one. HTTP/1.1: API servers speak nothing else to webhooks.
 */
export async function createServer(
  log: FastifyBaseLogger,
  { onDistrust, onConnectionClosed, ...options }: ServerOptions,
): Promise<FastifyInstance<Server>> {
  const server = fastify({
    https: { minVersion: 'TLSv1.2', ...TIMEOUTS },
    loggerInstance: log,
    // One line for each admission is written where the outcome is known.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: TIMEOUTS.requestTimeout,
    keepAliveTimeout: TIMEOUTS.keepAliveTimeout,
    return503OnClosing: false,
  });
  server.server.on('tlsClientError', ({ code }: NodeJS.ErrnoException) => {
    if (DISTRUST.test(code ?? '')) onDistrust();
  });
  const noteUse = limitConnections(server.server, { max: CONNECTIONS_MAX, onClosed: onConnectionClosed });
  server.addHook('preHandler', async ({ raw }) => noteUse(raw.socket));
  await server.register(app, { ...options, intake: createIntake(INTAKE, () => performance.now()) });
  await server.ready();
  return server;
}

/** New handshakes get the new certificate; open connections stay. */
export function useKeyPair(server: FastifyInstance<Server>, { cert, key }: KeyPair): void {
  server.server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
}
