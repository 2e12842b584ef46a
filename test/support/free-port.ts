/** A port for all redis servers of a run. */
import { createServer } from 'node:net';

/** Redis Cluster's bus is at the port plus this. */
const BUS_OFFSET = 10_000;
/** Below the range from which the system takes ports of outgoing connections, the bus port included. */
const LOWEST = 11_000;
const COUNT = 10_000;

/** A port that is free on every address of this machine, as is its bus port. */
export async function freeRedisPort(): Promise<number> {
  const first = Math.floor(Math.random() * COUNT);
  for (let step = 0; step < COUNT; step += 1) {
    const port = LOWEST + ((first + step) % COUNT);
    if ((await isFree(port)) && (await isFree(port + BUS_OFFSET))) return port;
  }
  throw new Error(`no port from ${LOWEST} on is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
  });
}
