import type { AddressInfo, Server } from 'node:net';

type Listener = { server: Server; listen(options: { host: string; port: number }): Promise<string> };

/** Listens on all addresses and gives the port: IPv6 and IPv4, or IPv4 alone where the kernel has no IPv6. */
export async function listen(listener: Listener, port: number): Promise<number> {
  try {
    await listener.listen({ host: '::', port });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EAFNOSUPPORT') throw error;
    await listener.listen({ host: '0.0.0.0', port });
  }
  return (listener.server.address() as AddressInfo).port;
}
