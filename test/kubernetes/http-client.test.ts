import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createHttpClient, NoAnswer, NotTheApi } from '../../src/kubernetes/http-client.ts';
import { issueCertificate } from '../support/kubernetes-api/certificates.ts';

const get = { method: 'GET', path: '/x' } as const;

/** A client of a server that answers as told; a real API server cannot be made to. */
async function setUp(
  t: Test,
  answer: (response: ServerResponse) => void,
  { millisecondsLeft = 60_000, trusted }: { millisecondsLeft?: number; trusted?: string } = {},
) {
  const { ca, certificate, key } = await issueCertificate(['127.0.0.1']);
  const server = createServer({ cert: certificate, key }, (_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createHttpClient({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    readToken: async () => 'token',
    readCa: async () => trusted ?? ca,
    millisecondsLeft: () => millisecondsLeft,
  });
  t.teardown(() => {
    client.close();
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return client;
}

t.test("a refusal keeps the server's words and its Retry-After", async (t) => {
  const client = await setUp(t, (response) => {
    response.writeHead(429, { 'retry-after': '7' }).end('{"kind":"Status","message":"too many requests"}');
  });
  t.same(await client.send(get), {
    status: 429,
    body: undefined,
    message: 'too many requests',
    retryAfterSeconds: 7,
  });
});

t.test('a refusal that is no Status is still one', async (t) => {
  const client = await setUp(t, (response) => response.writeHead(502).end('<html>bad gateway</html>'));
  t.same(await client.send(get), { status: 502, body: undefined, message: '', retryAfterSeconds: undefined });
});

t.test('what is no whole answer is none', async (t) => {
  const answers: Record<string, [answer: (response: ServerResponse) => void, message: RegExp]> = {
    reset: [(response) => response.socket?.destroy(), /socket hang up|ECONNRESET/],
    cut: [
      (response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{');
        setTimeout(() => response.socket?.destroy(), 10);
      },
      /aborted/,
    ],
    'not JSON': [(response) => response.end('<html>'), /status 200 with a body that is not JSON/],
    'without end': [
      (response) => {
        const megabyte = Buffer.alloc(1024 * 1024, ' ');
        const write = () => {
          while (response.writable && response.write(megabyte));
        };
        response.on('drain', write);
        write();
      },
      /an answer over 4194304 bytes/,
    ],
  };
  for (const [name, [answer, message]] of Object.entries(answers)) {
    await t.test(name, async (t) => {
      const client = await setUp(t, answer);
      await t.rejects(client.send(get), { name: 'NoAnswer', message });
    });
  }
});

t.test('who is not trusted or speaks no JSON is told from an API server that fails', async (t) => {
  const failure = (client: Awaited<ReturnType<typeof setUp>>) => client.send(get).catch((error) => error);
  const { ca: trusted } = await issueCertificate(['127.0.0.1']);
  const untrusted = await failure(await setUp(t, (response) => response.end('{}'), { trusted }));
  t.equal(untrusted.constructor, NotTheApi);
  t.match(untrusted.message, /certificate/);
  t.equal((await failure(await setUp(t, (response) => response.end('<html>')))).constructor, NotTheApi);
  t.equal((await failure(await setUp(t, (response) => response.destroy()))).constructor, NoAnswer);
});

t.test('a date in Retry-After counts from the date of the answer', async (t) => {
  const seconds = async (headers: Record<string, string>) => {
    const client = await setUp(t, (response) => {
      response.sendDate = false;
      response.writeHead(503, headers).end();
    });
    return (await client.send(get)).retryAfterSeconds;
  };
  const at = (second: number) => `Mon, 01 Jan 2001 00:00:0${second} GMT`;
  t.equal(await seconds({ 'retry-after': at(7), date: at(2) }), 5, 'whatever our clock says');
  t.equal(await seconds({ 'retry-after': at(2), date: at(7) }), 0);
  t.equal(await seconds({ 'retry-after': at(7) }), undefined);
  t.equal(await seconds({ 'retry-after': 'soon', date: at(2) }), undefined);
});

t.test('an attempt ends when the caller gives up, in its headers or in its body', async (t) => {
  const silent = await setUp(t, () => {}, { millisecondsLeft: 1_500 });
  await t.rejects(silent.send(get), { name: 'NoAnswer', message: 'no answer within 1.5 s' });
  const half = await setUp(t, (response) => response.writeHead(200).write('{'), {
    millisecondsLeft: -5_000,
  });
  await t.rejects(half.send(get), { message: 'no answer within 1 s' }, 'one attempt is always possible');
});

t.test('an attempt that hangs leaves time for others', async (t) => {
  const { timeout } = AbortSignal;
  // Nobody waits 15 s here: what is said to last that long lasts a hundredth of it.
  t.capture(AbortSignal, 'timeout', (ms: number) => timeout.call(AbortSignal, ms / 100));
  const silent = await setUp(t, () => {}, { millisecondsLeft: 300_000 });
  await t.rejects(silent.send(get), { name: 'NoAnswer', message: /^no answer within 15 s$/ });
});

t.test('a redirect is not followed: it is a status like others', async (t) => {
  const client = await setUp(t, (response) =>
    response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end(),
  );
  t.match(await client.send(get), { status: 302, body: undefined });
});

t.test('an unreadable token is no answer either', async (t) => {
  const client = createHttpClient({
    host: '127.0.0.1',
    port: 9,
    readToken: () => Promise.reject(new Error('ENOENT: no token')),
    readCa: async () => '',
    millisecondsLeft: () => 1_000,
  });
  await t.rejects(client.send(get), { name: 'NoAnswer', message: 'ENOENT: no token' });
});
