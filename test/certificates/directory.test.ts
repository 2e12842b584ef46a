import { once } from 'node:events';
import { rename, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import t from 'tap';
import { issueDevelopmentCertificates } from '../../certs/dev-certs.ts';
import { readKeyPair, startDirectorySource } from '../../src/certificates/directory.ts';
import type { KeyPair } from '../../src/certificates/key-pair.ts';
import { exitCodes } from '../../src/errors.ts';
import { useKeyPair } from '../../src/webhook/server.ts';
import { type Review, readFixture } from '../admission/fixture.ts';
import { HOSTS, post, startWebhook } from '../webhook/support.ts';

const bytes = JSON.stringify(readFixture<Review>('official-redis', 'review.json'));

/** The serial number of the certificate that a new connection is shown. */
async function served(port: number): Promise<string> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

t.test(
  'a new pair is served without closing a connection; a bad one is refused, the old one kept',
  async (t) => {
    const webhook = await startWebhook(t);
    const { directory, port } = webhook;
    const events: string[] = [];
    let happened = Promise.withResolvers<void>();
    const note = (event: string) => {
      events.push(event);
      happened.resolve();
      happened = Promise.withResolvers<void>();
    };
    const source = await startDirectorySource({
      directory,
      pollMs: 10,
      onPair: (pair) => {
        useKeyPair(webhook.server, pair);
        note('changed');
      },
      onRefused: (error) => note(`${error}`),
      now: Date.now,
    });
    t.teardown(() => source.stop());
    t.same(events, ['changed'], 'the first pair is given at the start');
    const agent = new Agent({ keepAlive: true });
    t.teardown(() => agent.destroy());
    await post(webhook, bytes, { agent });
    const first = await served(port);

    const other = join(directory, 'other');
    await issueDevelopmentCertificates({ directory: other, hosts: HOSTS });
    let next = happened.promise;
    await rename(join(other, 'tls.crt'), join(directory, 'tls.crt'));
    await next;
    t.match(events.at(-1), /are not a certificate and its key: .*mismatch/);
    t.equal(await served(port), first, 'a certificate with the key of another: the old one stays');

    next = happened.promise;
    await rename(join(other, 'tls.key'), join(directory, 'tls.key'));
    await next;
    t.equal(events.at(-1), 'changed');
    const second = await served(port);
    t.not(second, first, 'both files new: the new one is served');
    const kept = await post(webhook, bytes, { agent });
    t.match(kept, { status: 200, reused: true }, 'the open connection goes on');

    next = happened.promise;
    await writeFile(join(other, 'garbage'), 'garbage');
    await rename(join(other, 'garbage'), join(directory, 'tls.crt'));
    await next;
    t.match(events.at(-1), /are not a certificate and its key/);
    next = happened.promise;
    await rm(join(directory, 'tls.key'));
    await next;
    t.match(events.at(-1), /tls.key cannot be read/);
    t.equal(await served(port), second);
    const count = events.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    t.equal(events.length, count, 'the same fault is reported once');
  },
);

t.test('it is not ready while the clock is outside of the certificate', async (t) => {
  const directory = t.testdir();
  await issueDevelopmentCertificates({ directory, hosts: HOSTS, days: 2 });
  let pair: KeyPair | undefined;
  let nowMs = Date.now();
  const source = await startDirectorySource({
    directory,
    pollMs: 1_000,
    onPair: (first) => {
      pair = first;
    },
    onRefused: (error) => t.fail(`${error}`),
    now: () => nowMs,
  });
  t.teardown(() => source.stop());
  t.same(source.current(), pair);
  t.equal(source.caBundleMatches(), undefined, 'who writes the caBundle is not known here');
  const { notBeforeMs = 0, notAfterMs = 0 } = pair ?? {};
  const table: [number, string[]][] = [
    [notBeforeMs - 1, ['the certificate is not valid yet']],
    [notBeforeMs, []],
    [notAfterMs, []],
    [notAfterMs + 1, ['the certificate has expired']],
  ];
  for (const [at, reasons] of table) {
    nowMs = at;
    t.same(source.unready(), reasons);
  }
});

t.test('what is no pair is refused at the start with its exit code', async (t) => {
  const directory = t.testdir({});
  await t.rejects(readKeyPair(directory), {
    exitCode: exitCodes.io,
    message: /tls.(crt|key) cannot be read/,
  });
  await writeFile(join(directory, 'tls.crt'), '');
  await writeFile(join(directory, 'tls.key'), '');
  await t.rejects(readKeyPair(directory), {
    name: 'Failure',
    exitCode: exitCodes.refused,
    message: /not a certificate/,
  });
});

t.test('the times of the pair are those of the certificate', async (t) => {
  const directory = t.testdir();
  await issueDevelopmentCertificates({ directory, hosts: HOSTS, days: 2 });
  const { notBeforeMs, notAfterMs } = await readKeyPair(directory);
  const hours = (ms: number) => Math.round((ms - Date.now()) / 3_600_000);
  t.equal(hours(notBeforeMs), -1);
  t.equal(hours(notAfterMs), 48);
});
