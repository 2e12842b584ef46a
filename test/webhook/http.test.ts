import { once } from 'node:events';
import { Agent } from 'node:https';
import { connect } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import t from 'tap';
import { type Review, readFixture } from '../admission/fixture.ts';
import { until } from '../cluster/kubernetes/until.ts';
import { post, raw, startWebhook } from './support.ts';

const review = readFixture<Review>('official-redis', 'review.json') as Review;
const bytes = JSON.stringify(review);

t.test('a review is answered', async (t) => {
  const webhook = await startWebhook(t);
  const reply = await post(webhook, bytes);
  t.equal(reply.status, 200);
  t.match(reply.headers, { 'content-type': /^application\/json/, connection: /keep-alive|close/ });
  t.match(JSON.parse(reply.body), {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: review.request.uid, allowed: true, patchType: 'JSONPatch' },
  });
  t.match(webhook.observed, [{ kind: 'answered' }]);
});

t.test('what cannot be understood is HTTP 400 with a reason, never an allow', async (t) => {
  const webhook = await startWebhook(t);
  const table: [string, string | Buffer, RegExp][] = [
    ['no body', '', /no body|empty/i],
    ['not JSON', 'hello', /not JSON/],
    ['cut JSON', bytes.slice(0, -1), /not JSON/],
    ['two values', `${bytes}{}`, /not JSON/],
    ['binary', Buffer.from([0xff, 0xfe, 0, 1, 2]), /not JSON/],
    ['null', 'null', /the body must be object/],
    ['deep arrays', '['.repeat(101), /deeper than 100/],
    ['a million levels', `${'{"a":'.repeat(1e6)}1${'}'.repeat(1e6)}`, /deeper than 100/],
    ['many values', `[${'1,'.repeat(1e6)}1]`, /more than 1000000 commas/],
    ['another version', bytes.replace('admission.k8s.io/v1', 'admission.k8s.io/v1beta1'), /"apiVersion"/],
    ['an update', bytes.replace('"CREATE"', '"UPDATE"'), /"request\/operation"/],
  ];
  for (const [title, body, sentence] of table) {
    const reply = await post(webhook, body);
    t.equal(reply.status, 400, title);
    t.match(JSON.parse(reply.body), { kind: 'Status', code: 400, message: sentence }, title);
  }
  t.equal(webhook.observed.length, table.length, 'each is counted');
  t.equal((await post(webhook, bytes)).status, 200, 'and the webhook still serves');
});

t.test('brackets within strings are no nesting', async (t) => {
  const webhook = await startWebhook(t);
  const brackets = JSON.stringify({ ...review, note: `\\"${'[{'.repeat(500)}` });
  t.equal((await post(webhook, brackets)).status, 200);
});

t.test('keys of the prototype are data', async (t) => {
  const webhook = await startWebhook(t);
  const text = '"__proto__":"polluted","constructor":"polluted",';
  const object = '"__proto__":{"polluted":1,"allowed":true},"constructor":{"prototype":{"polluted":1}},';
  // Maps of labels hold texts; everywhere else anything may stand.
  const everywhere = bytes
    .replaceAll(/"(labels|resources|object|securityContext)":\{(?=")/g, `"$1":{${text}`)
    .replaceAll(/"(request|metadata|spec)":\{(?=")/g, `"$1":{${object}`);
  t.ok(everywhere.split('polluted').length > 10);
  const reply = await post(webhook, everywhere);
  t.equal(reply.status, 200);
  t.match(JSON.parse(reply.body), { response: { allowed: true, uid: review.request.uid } });
  t.notOk('polluted' in {}, 'no prototype was changed');
});

t.test('6 MB are read, more than 7 MiB refused', async (t) => {
  const webhook = await startWebhook(t);
  const ofSize = (size: number) => JSON.stringify({ ...review, padding: 'x'.repeat(size) });
  t.equal((await post(webhook, ofSize(6e6))).status, 200);
  const head = 'POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
  t.match(await raw(webhook, `${head}content-length: ${7 * 1024 * 1024 + 1}\r\n\r\n`), /^HTTP\/1.1 413 /);
  const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`;
  const chunked = `${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(8)}0\r\n\r\n`;
  t.match(await raw(webhook, chunked), /^HTTP\/1.1 413 /, 'without a length too');
});

t.test('other content types, paths and protocols', async (t) => {
  const webhook = await startWebhook(t);
  t.equal((await post(webhook, bytes, { headers: { 'content-type': 'text/plain' } })).status, 415);
  t.match(JSON.parse((await post(webhook, bytes, { path: '/' })).body), { code: 404, reason: 'NotFound' });
  t.match(await raw(webhook, 'GET /mutate HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'), / 404 /);
  t.match(await raw(webhook, '\u0000\u0001\u0002\r\n\r\n'), / 400 /);
  t.match(await raw(webhook, `POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n`), / 400 /);
  await new Promise((resolve) => {
    const plain = connect(webhook.port, '127.0.0.1', () => plain.write('GET / HTTP/1.1\r\n\r\n'));
    plain.on('error', () => {}).on('close', resolve);
  });
  t.equal((await post(webhook, bytes)).status, 200, 'and the webhook still serves');
});

t.test('connections are kept open for longer than the API server keeps them', async (t) => {
  const webhook = await startWebhook(t);
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const first = await post(webhook, bytes, { agent });
  const seconds = Number(/timeout=(\d+)/.exec(`${first.headers['keep-alive']}`)?.[1]);
  t.ok(seconds >= 90, `${seconds} s`);
  t.ok((await post(webhook, bytes, { agent })).reused, 'the second request reuses the connection');
  // Node applies the latter two to connections that have not been used yet.
  for (const timeout of ['keepAliveTimeout', 'headersTimeout', 'requestTimeout'] as const)
    t.ok(webhook.server.server[timeout] > 90_000, timeout);
});

t.test('draining: requests are served, and each closes its connection', async (t) => {
  const webhook = await startWebhook(t);
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  t.equal((await post(webhook, bytes, { agent })).headers.connection, 'keep-alive');

  webhook.state.draining = true;
  const kept = await post(webhook, bytes, { agent });
  t.match(kept, { status: 200, reused: true, headers: { connection: 'close' } });
  const fresh = await post(webhook, bytes, { agent });
  t.match(fresh, { status: 200, reused: false, headers: { connection: 'close' } });
  const bad = await post(webhook, 'x');
  t.match(bad, { status: 400, headers: { connection: 'close' } });
});

t.test('closing waits for the request that is being answered', async (t) => {
  const looking = Promise.withResolvers<void>();
  const found = Promise.withResolvers<undefined>();
  const findStatefulSet = () => {
    looking.resolve();
    return found.promise;
  };
  const webhook = await startWebhook(t, { ports: { findStatefulSet, listLimitRanges: async () => [] } });
  const reply = post(webhook, bytes);
  await looking.promise;
  const { server } = webhook.server;
  const connected = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  const begun = connectTls({ host: '127.0.0.1', port: webhook.port, ca: webhook.ca });
  const head = 'POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
  begun.write(head);
  const [arrived] = await connected;
  await until('the head has arrived', 60_000, () => arrived.bytesRead >= head.length);
  const closed = webhook.server.close();
  await until('it is closing', 60_000, () => !server.listening);
  begun.write(`content-length: ${Buffer.byteLength(bytes)}\r\n\r\n${bytes}`);
  found.resolve(undefined);
  t.match(await reply, { status: 200 });
  t.match(`${(await once(begun, 'data'))[0]}`, /^HTTP\/1.1 200 /, 'also for one whose headers had begun');
  await closed;
  await t.rejects(post(webhook, bytes), { code: 'ECONNREFUSED' });
});

t.test(
  'a bug around the answer is HTTP 500 with a Status, counted, and shows nothing of our insides',
  async (t) => {
    const observe = ({ kind }: { kind: string }) => {
      if (kind === 'answered') throw new TypeError('x is not a function');
    };
    const webhook = await startWebhook(t, { observe });
    const reply = await post(webhook, bytes);
    t.equal(reply.status, 500);
    t.match(JSON.parse(reply.body), { kind: 'Status', code: 500, message: /redis-ip-updater failed/ });
    t.notMatch(reply.body, 'not a function');
    t.match(webhook.observed.at(-1), { kind: 'crashed', error: { message: 'x is not a function' } });
  },
);
