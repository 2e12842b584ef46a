import type { Registry } from '@prometheus-io/client';
import { type FastifyInstance, fastify } from 'fastify';
import { limitConnections } from './connections.ts';

/** Kubelets and collectors of metrics need a handful. */
const CONNECTIONS_MAX = 100;

/**
 * The management server, plain HTTP on its own port: /livez (the process answers), /readyz (503 with the
 * reasons while not ready), /metrics.
 */
export function createManagementServer(registry: Registry, notReady: () => string[]): FastifyInstance {
  const server = fastify({ requestTimeout: 10_000 });
  const noteUse = limitConnections(server.server, { max: CONNECTIONS_MAX, onClosed: () => {} });
  server.addHook('preHandler', async ({ raw }) => noteUse(raw.socket));
  server.get('/livez', async () => 'ok\n');
  server.get('/readyz', async (_, reply) => {
    const reasons = notReady();
    return reply.code(reasons.length === 0 ? 200 : 503).send(`${reasons.join('; ') || 'ok'}\n`);
  });
  server.get('/metrics', async (_, reply) => {
    const text = await registry.metrics();
    return reply.type(registry.contentType).send(text);
  });
  return server;
}
