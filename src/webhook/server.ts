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
 * How a client ends a handshake because of our certificate. Go's API servers send the first of them for every reason;
 * they do so before the handshake is complete, so it is seen here.
 */
const DISTRUST = /ALERT_(BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNKNOWN_CA)$/;

export type ServerOptions = AppOptions & {
  /** Told of each handshake that a client ended because it does not trust our certificate. */
  onDistrust(): void;
};

/**
 * The HTTPS server of the webhook, not listening yet, and without a certificate: no handshake succeeds until it is
 * given one. HTTP/1.1: API servers speak nothing else to webhooks.
 */
export async function createServer(
  log: FastifyBaseLogger,
  { onDistrust, ...options }: ServerOptions,
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
  server.server.on('tlsClientError', ({ code }: NodeJS.ErrnoException) => {
    if (DISTRUST.test(code ?? '')) onDistrust();
  });
  await server.register(app, options);
  await server.ready();
  return server;
}

/** New handshakes get the new certificate; open connections stay. */
export function useKeyPair(server: FastifyInstance<Server>, { cert, key }: KeyPair): void {
  server.server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
}
