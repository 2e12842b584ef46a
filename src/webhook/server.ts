import type { Server } from 'node:https';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { KeyPair } from '../certificates/key-pair.ts';
import { type AppOptions, app } from './app.ts';

/** Two objects of the API server's largest size (3 MiB, the new and the old one) and the review around them. */
const BODY_MAX_BYTES = 7 * 1024 * 1024;
/** Within the 5 s that the API server waits, plus some; a slower sender is not the API server. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Above the 90 s after which the API server closes an idle connection itself: then no request meets a close. */
const KEEP_ALIVE_TIMEOUT_MS = 100_000;

/**
 * The HTTPS server of the webhook, not listening yet, and without a certificate: no handshake succeeds until it is
 * given one. HTTP/1.1: API servers speak nothing else to webhooks.
 */
export async function createServer(
  log: FastifyBaseLogger,
  options: AppOptions,
): Promise<FastifyInstance<Server>> {
  const server = fastify({
    https: { minVersion: 'TLSv1.2' },
    loggerInstance: log,
    // One line for each admission is written where the outcome is known.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    return503OnClosing: false,
  });
  await server.register(app, options);
  await server.ready();
  return server;
}

/** New handshakes get the new certificate; open connections stay. */
export function useKeyPair(server: FastifyInstance<Server>, { cert, key }: KeyPair): void {
  server.server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
}
