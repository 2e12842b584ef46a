/** What a load balancer or a NAT is to a pod: an address that stays, and leads to where the pod is now. */
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import type { Endpoint } from '../../support/redis/cluster.ts';

/** Passes every connection at `from` on to where `to` says at that moment. */
export async function forward(from: Endpoint, to: () => Endpoint): Promise<Server> {
  const server = createServer((outer) => {
    const inner = connect(to());
    outer.on('close', () => inner.destroy());
    inner.on('close', () => outer.destroy());
    // Each end hears of the other's trouble by its close.
    for (const socket of [outer, inner]) socket.on('error', () => undefined);
    outer.pipe(inner).pipe(outer);
  });
  await once(server.listen(from.port, from.host), 'listening');
  return server;
}
