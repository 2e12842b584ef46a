/**
 * The bundled webhook as a process with the memory of the chart, before clients that want too much of it: it stays
 * within its limit, says 429 to what it cannot hold, and answers a real review all the time.
 */
import { once } from 'node:events';
import { Agent } from 'node:https';
import { connect as connectPlain, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import t from 'tap';
import { issueDevelopmentCertificates } from '../../certs/dev-certs.ts';
import { buildPrograms } from '../../src/build.ts';
import { type Review, readFixture } from '../admission/fixture.ts';
import { until } from '../cluster/kubernetes/until.ts';
import { json, list, startApiStub, statefulSet, watchStream } from '../kubernetes/api-stub.ts';
import { HOSTS, post } from '../webhook/support.ts';
import { AS_IN_A_POD, MEMORY_MIB, peakMib, readMetric, startWebhookProcess } from './webhook-program.ts';

const MIB = 1024 * 1024;

const review = readFixture<Review>('official-redis', 'review.json') as Review;
const bytes = JSON.stringify(review);

/** The API: what is looked up is not answered before this, so that reviews are held (the webhook gives up after 2 s). */
let lookup = Promise.resolve();
const { kubeconfig, directory } = await startApiStub(t, async ({ path, query, response }) => {
  if (query.has('watch')) return void watchStream(response);
  if (!path.endsWith('/statefulsets/redis')) return json(response, 200, list([]));
  await lookup;
  json(response, 200, statefulSet('redis', { uid: 'b6a0c3e2-6c1a-4f53-9d4e-1a2b3c4d5e6f' }));
});
await buildPrograms();
const { ca } = await issueDevelopmentCertificates({ directory, hosts: HOSTS });
const { child, logged, exited } = startWebhookProcess(
  t,
  { KUBECONFIG: kubeconfig, CERT_DIR: directory },
  AS_IN_A_POD,
);
const { port = 0, managementPort = 0 } = await logged('listening');
const target = { port, ca };
const secureContext = createSecureContext({ ca });

const metric = (name: string) => readMetric(managementPort, name);
const refusals = () => metric('admission_requests_total{outcome="refused",reason="overloaded"}');

/** As an API server: where it is told to try again, it does, until its 5 s are over. */
async function ask(body: string | Buffer = bytes): Promise<{ status: number; body: string; tries: number }> {
  for (let tries = 1; ; tries += 1) {
    const { status, headers, body: text } = await post(target, body);
    if (status !== 429 || tries === 5) return { status, body: text, tries };
    await delay(Number(headers['retry-after']) * 1000);
  }
}

async function open(first: string): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, secureContext });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  if (first) socket.write(first);
  return socket;
}

/** That many connections, some handshakes at a time, each with the beginning of something. */
async function openMany(count: number, first: string): Promise<TLSSocket[]> {
  const sockets: TLSSocket[] = [];
  while (sockets.length < count) {
    const some = Math.min(50, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => open(first)))));
  }
  return sockets;
}

async function openPlain(to: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connectPlain(to, '127.0.0.1').on('error', () => {}));
  await Promise.all(sockets.map((socket) => socket.pending && once(socket, 'connect')));
  return sockets;
}

const head = (length: number) =>
  `POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

/** One that an API server uses now and then. */
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
t.teardown(() => agent.destroy());
await post(target, bytes, { agent });
t.comment(`at rest: ${peakMib(child)} MiB`);

t.test('many large bodies at once: taken or told to try again', async (t) => {
  const large = JSON.stringify({ ...review, padding: 'x'.repeat(6e6) });
  const gate = Promise.withResolvers<void>();
  lookup = gate.promise;
  // More than can be held, but few enough for a busy machine: a body may take 10 s, or the answer is 408.
  const sent = Promise.all(Array.from({ length: 8 }, () => post(target, large)));
  await until('some are refused', 60_000, async () => (await refusals()) > 0);
  gate.resolve();
  const replies = await sent;
  const refused = replies.filter(({ status }) => status === 429);
  t.equal(replies.filter(({ status }) => status === 200).length, replies.length - refused.length);
  for (const { headers, body } of refused) {
    t.match(headers, { 'retry-after': '1', connection: 'keep-alive' });
    t.match(JSON.parse(body), { kind: 'Status', code: 429, reason: 'TooManyRequests', message: /try again/ });
  }
  t.equal(await refusals(), refused.length, 'counted');
  t.equal((await ask(large)).status, 200);
  t.comment(`${refused.length} of ${replies.length} refused; peak ${peakMib(child)} MiB`);
});

t.test('bodies that are far larger when parsed, held while something is looked up', async (t) => {
  const gate = Promise.withResolvers<void>();
  lookup = gate.promise;
  const object = { ...review.request.object, padding: [0] };
  const [before, after] = JSON.stringify({ ...review, request: { ...review.request, object } }).split('[0]');
  // As many values as are allowed, and more.
  const dense = [...Array.from({ length: 6 }, () => 490_000), 2_000_000, 2_000_000];
  const sent = Promise.all(
    dense.map((count) => ask(`${before}[${'{},'.repeat(count)}0]${after}`).then(({ status }) => status)),
  );
  await delay(500);
  gate.resolve();
  t.same(await sent, [200, 200, 200, 200, 200, 200, 400, 400]);
  t.comment(`peak ${peakMib(child)} MiB`);
});

t.test('deep JSON', async (t) => {
  const replies = await Promise.all(Array.from({ length: 3 }, () => ask('[{"a":'.repeat(MIB))));
  for (const reply of replies) t.match(reply, { status: 400, body: /deeper than 100 levels/ });
});

t.test('more small requests than can be held, while nothing can be looked up', async (t) => {
  const gate = Promise.withResolvers<void>();
  lookup = gate.promise;
  const before = await refusals();
  const sockets = await openMany(700, '');
  const request = head(Buffer.byteLength(bytes)) + bytes;
  const answers = sockets.map(async (socket) => {
    socket.write(request);
    return `${(await once(socket, 'data'))[0]}`.slice(9, 12);
  });
  await until('some are refused', 60_000, async () => (await refusals()) > before);
  gate.resolve();
  const statuses = await Promise.all(answers);
  const refused = statuses.filter((status) => status === '429').length;
  t.ok(refused > 0);
  t.equal(statuses.filter((status) => status === '200').length, sockets.length - refused);
  t.equal((await refusals()) - before, refused, 'those that were refused know it');
  for (const socket of sockets) socket.destroy();
  t.equal((await ask()).status, 200);
  t.comment(`${refused} of ${sockets.length} refused; peak ${peakMib(child)} MiB`);
});

t.test('bodies that never end', async (t) => {
  const before = await refusals();
  const sockets = await openMany(300, `${head(7 * MIB)}${'x'.repeat(200_000)}`);
  const { status, tries } = await ask();
  t.equal(status, 200, 'a review is answered');
  t.ok((await refusals()) > before);
  t.comment(
    `${(await refusals()) - before} of ${sockets.length} refused, answered at try ${tries}; peak ${peakMib(child)} MiB`,
  );
  for (const socket of sockets) socket.destroy();
});

t.test('thousands of connections: idle, with headers that never end, without a handshake', async (t) => {
  const before = await metric('connections_closed_total');
  const sockets: Socket[] = [];
  for (let count = 0; count < 1_000; count += 100) {
    sockets.push(...(await openMany(50, '')));
    sockets.push(...(await openMany(50, 'POST /mutate HTTP/1.1\r\nhost: x\r\nx: ')));
    t.equal((await post(target, bytes, { agent })).status, 200);
  }
  sockets.push(...(await openPlain(port, 1_500)));
  t.equal((await ask()).status, 200, 'a new connection is served');
  const kept = await post(target, bytes, { agent });
  t.match(kept, { status: 200, reused: true }, 'and one that was used before');
  const closed = (await metric('connections_closed_total')) - before;
  t.ok(closed > 0, 'the oldest were closed');
  t.comment(`${closed} of ${sockets.length} closed; peak ${peakMib(child)} MiB`);
  for (const socket of sockets) socket.destroy();
});

t.test('the management port, too', async (t) => {
  const sockets = await openPlain(managementPort, 300);
  t.equal((await fetch(`http://127.0.0.1:${managementPort}/livez`)).status, 200);
  for (const socket of sockets) socket.destroy();
});

t.test('memory stayed within the limit of the chart, and the process is well', async (t) => {
  const peak = peakMib(child);
  t.ok(peak === undefined || peak < MEMORY_MIB, `${peak} of ${MEMORY_MIB} MiB`);
  t.comment(`peak ${peak} of ${MEMORY_MIB} MiB`);
  child.kill('SIGTERM');
  t.same(await exited, [0, null]);
});
