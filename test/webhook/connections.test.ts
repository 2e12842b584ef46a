import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { limitConnections } from '../../src/webhook/connections.ts';

/** A server with room for three, that takes each byte as a whole request and answers it. */
async function startServer(t: Test) {
  let closed = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      noteUse(socket);
      socket.write(bytes);
    });
  });
  const noteUse = limitConnections(server, { max: 3, onClosed: () => (closed += 1) });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const open: Socket[] = [];
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    closed: () => closed,
    connect: async () => {
      const accepted = once(server, 'connection');
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      open.push(socket);
      await Promise.all([once(socket, 'connect'), accepted]);
      return socket;
    },
  };
}

async function use(socket: Socket): Promise<void> {
  socket.write('x');
  await once(socket, 'data');
}

t.test('the oldest that was never used makes room', async (t) => {
  const server = await startServer(t);
  const used = await server.connect();
  await use(used);
  const idle = await server.connect();
  const next = await server.connect();
  t.equal(server.closed(), 0);
  const gone = once(idle, 'close');
  await use(await server.connect());
  await gone;
  t.equal(server.closed(), 1);
  await use(used);
  await use(next);
});

t.test('where all were used, the one that rested longest', async (t) => {
  const server = await startServer(t);
  const sockets = [await server.connect(), await server.connect(), await server.connect()];
  for (const socket of sockets) await use(socket);
  const [first, second, third] = sockets as [Socket, Socket, Socket];
  await use(first);
  const gone = once(second, 'close');
  await use(await server.connect());
  await gone;
  await use(first);
  await use(third);
  t.equal(server.closed(), 1);
});

t.test('closed ones leave room', async (t) => {
  const server = await startServer(t);
  for (let count = 0; count < 20; count += 1) {
    const socket = await server.connect();
    await use(socket);
    socket.end();
    await once(socket, 'close');
  }
  t.equal(server.closed(), 0);
});
