import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { pino } from 'pino';
import type { Test } from 'tap';
import { issueDevelopmentCertificates } from '../../certs/dev-certs.ts';
import type { AdmissionPorts } from '../../src/admission/handle.ts';
import { readKeyPair } from '../../src/certificates/directory.ts';
import type { Observed } from '../../src/webhook/app.ts';
import { createServer, useKeyPair } from '../../src/webhook/server.ts';
import { fixturePorts, updater } from '../admission/fixture.ts';

export const HOSTS = ['localhost', '127.0.0.1'];

type Options = { ports: AdmissionPorts; observe(answer: Observed): void };

/** The real app behind a real TLS socket, with ports from a fixture; closed at the end of the test. */
export async function startWebhook(
  t: Test,
  { ports = fixturePorts('official-redis'), observe = () => {} }: Partial<Options> = {},
) {
  const directory = t.testdir();
  const { ca } = await issueDevelopmentCertificates({ directory, hosts: HOSTS });
  const observed: Observed[] = [];
  const state = { draining: false, distrusts: 0 };
  const server = await createServer(pino({ level: 'silent' }), {
    ports,
    updater,
    observe: (answer) => {
      observed.push(answer);
      observe(answer);
    },
    isDraining: () => state.draining,
    onDistrust: () => (state.distrusts += 1),
    onConnectionClosed: () => {},
  });
  useKeyPair(server, await readKeyPair(directory));
  await server.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => server.close());
  const { port } = server.server.address() as AddressInfo;
  return { server, directory, port, ca, observed, state };
}

type Target = { port: number; ca: string };
type Reply = { status: number; headers: IncomingMessage['headers']; body: string; reused: boolean };

/** One POST /mutate, as the API server sends it. */
export async function post(
  { port, ca }: Target,
  body: string | Buffer,
  {
    agent,
    headers = {},
    path = '/mutate',
  }: { agent?: Agent; headers?: Record<string, string>; path?: string } = {},
): Promise<Reply> {
  const sent = request({
    host: '127.0.0.1',
    port,
    path,
    method: 'POST',
    ca,
    agent: agent ?? new Agent({ keepAlive: false }),
    headers: { 'content-type': 'application/json', ...headers },
  });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: text,
    reused: sent.reusedSocket,
  };
}

/** Sends raw bytes over TLS and gives what comes back until the server closes. */
export async function raw({ port, ca }: Target, bytes: string | Buffer): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca });
  socket.on('error', () => {});
  socket.write(bytes);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}
