import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import { answersPing } from './probe.ts';

for (const [what, answer, isReady] of [
  ['PONG', (socket: Socket) => void socket.write('+PONG\r\n'), true],
  ['an error', (socket: Socket) => void socket.write('-LOADING\r\n'), false],
  ['the end of the connection', (socket: Socket) => void socket.end(), false],
] as const)
  t.test(`a server that answers with ${what}`, async (t) => {
    const server = createServer((socket) => socket.on('error', () => {}).once('data', () => answer(socket)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    t.equal(await answersPing('127.0.0.1', (server.address() as AddressInfo).port), isReady);
  });
