/**
 * HTTPS in front of a real API server: passes on what comes, watches included, and does to chosen requests what
 * a fault says.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { issueCertificate } from '../kubernetes-api/certificates.ts';
import type { Fault } from './faults.ts';

/** What came, in its order; a handshake that was spoilt counts as a request without a path. */
export type Seen = {
  /** On the clock of `performance.now`. */
  atMs: number;
  method: string;
  path: string;
  spoilt: boolean;
};

export type Injection = {
  fault: Fault;
  /** How often; for ever, if it is not given. */
  times?: number;
  /** Which requests: all, if it is not given. Asked without a request when a connection comes. */
  when?(request: IncomingMessage | undefined): boolean;
};

export type FaultProxy = {
  url: string;
  host: string;
  port: number;
  /** PEM of the authority that signed the proxy's own certificate. */
  ca: string;
  seen: readonly Seen[];
  /** Requests that were answered in full, and with success. */
  served(): number;
  inject(injection: Injection): void;
  heal(): void;
  /** Breaks off every connection. */
  disconnect(): void;
  close(): Promise<void>;
};

export type FaultProxyOptions = {
  target: { url: string; caPem: string };
  /** A connection for each request, so that each has a handshake of its own. */
  closesConnections?: boolean;
};

/** The authorities of all proxies of a run: a certificate takes longer to make than most tests last. */
const authority = issueCertificate(['127.0.0.1']);
const stranger = issueCertificate(['127.0.0.1']);

export async function startFaultProxy({ target, closesConnections = false }: FaultProxyOptions) {
  const seen: Seen[] = [];
  let served = 0;
  let injection: Injection | undefined;
  const agent = new Agent({ keepAlive: true, ca: target.caPem });
  const sockets = new Set<Socket>();

  /** The fault that this request, or this new connection, meets. */
  function take(request?: IncomingMessage): Fault | undefined {
    if (!injection || (injection.fault.at === 'handshake') !== (request === undefined)) return undefined;
    if (injection.when?.(request) === false) return undefined;
    const { fault, times } = injection;
    if (times !== undefined) injection = times > 1 ? { ...injection, times: times - 1 } : undefined;
    return fault;
  }

  function note(request: IncomingMessage | undefined, spoilt: boolean): void {
    const { method = '', url: path = '' } = request ?? {};
    seen.push({ atMs: performance.now(), method, path, spoilt });
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const fault = take(request);
    note(request, fault !== undefined);
    response.on('error', () => {});
    if (fault?.at === 'request') fault.answer(request, response);
    else forward(request, response, fault?.at === 'answer' ? fault.damage : passOn);
  }

  function forward(request: IncomingMessage, response: ServerResponse, give: typeof passOn): void {
    const { host: _, connection: __, ...headers } = request.headers;
    const { method, url = '' } = request;
    const outgoing = httpsRequest(new URL(url, target.url), { method, headers, agent }, (answer) => {
      answer.on('error', () => response.destroy());
      give(answer, response);
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    request.pipe(outgoing);
  }

  function passOn(answer: IncomingMessage, response: ServerResponse): void {
    const { connection: _, ...headers } = answer.headers;
    const code = answer.statusCode ?? 0;
    response.writeHead(code, { ...headers, ...(closesConnections && { connection: 'close' }) });
    response.flushHeaders();
    answer.on('end', () => {
      if (code < 400) served += 1;
    });
    answer.pipe(response);
  }

  const trusted = await httpsServer(authority, serve);
  const untrusted = await httpsServer(stranger, (_request, response) => response.destroy());
  const front = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    const isSpoilt = take() !== undefined;
    if (isSpoilt) note(undefined, true);
    (isSpoilt ? untrusted : trusted).emit('connection', socket);
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const { port } = front.address() as AddressInfo;
  const disconnect = () => {
    for (const socket of sockets) socket.destroy();
  };
  const proxy: FaultProxy = {
    url: `https://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    ca: (await authority).ca,
    seen,
    served: () => served,
    inject: (wanted) => {
      injection = wanted;
    },
    heal: () => {
      injection = undefined;
    },
    disconnect,
    close: async () => {
      const closed = new Promise<void>((resolve) => front.close(() => resolve()));
      disconnect();
      agent.destroy();
      await closed;
    },
  };
  return proxy;
}

async function httpsServer(
  certificate: ReturnType<typeof issueCertificate>,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
) {
  const { certificate: cert, key } = await certificate;
  // The API server keeps idle connections; node's 5 s would cut clients off in mid-request.
  const server = createHttpsServer({ cert, key, keepAliveTimeout: 120_000 }, serve);
  // A client that does not trust it says so, and goes.
  return server.on('tlsClientError', () => {});
}
