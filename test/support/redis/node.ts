/** A connection to one redis server, made again when it broke. */
import { createClient } from '@redis/client';
import type { Tls } from './tls.ts';

const TIMEOUT_MS = 2000;

export class RedisNode {
  readonly host: string;
  readonly #port: number;
  readonly #tls: Tls | undefined;
  #client: ReturnType<typeof open> | undefined;

  constructor(host: string, port: number, tls?: Tls) {
    this.host = host;
    this.#port = port;
    this.#tls = tls;
  }

  /** Sends a command; the answer as redis gives it. Rejects when the server does not answer in time. */
  async ask<T = string>(...command: string[]): Promise<T> {
    this.#client ??= open(this.host, this.#port, this.#tls);
    const current = this.#client;
    try {
      if (!current.isOpen) await current.connect();
      return await current.sendCommand<T>(command, { abortSignal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (error) {
      // An error that redis itself answers leaves the connection as it is.
      if (!current.isReady) this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#client?.isOpen) this.#client.destroy();
    this.#client = undefined;
  }
}

function open(host: string, port: number, tls: Tls | undefined) {
  const client = createClient({
    RESP: 2,
    socket: { host, port, connectTimeout: TIMEOUT_MS, reconnectStrategy: false, ...tls?.client },
    maintNotifications: 'disabled',
    disableClientInfo: true,
  });
  // Every failure reaches the caller of `ask`; without a listener it would end the process as well.
  client.on('error', () => undefined);
  return client;
}

/** All keys that match a pattern, of this node alone. */
export async function scan(node: RedisNode, pattern: string): Promise<string[]> {
  const keys: string[] = [];
  let cursor = '0';
  do {
    const [next, found] = await node.ask<[string, string[]]>(
      'SCAN',
      cursor,
      'MATCH',
      pattern,
      'COUNT',
      '1000',
    );
    keys.push(...found);
    cursor = next;
  } while (cursor !== '0');
  return keys;
}
