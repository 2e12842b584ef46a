/** The program as a process: environment and signals in, log lines and an exit code out. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import t from 'tap';
import { issueDevelopmentCertificates } from '../../certs/dev-certs.ts';
import { readConfig } from '../../src/webhook/config.ts';
import { run } from '../../src/webhook/run.ts';
import { type Review, readFixture } from '../admission/fixture.ts';
import { until } from '../cluster/kubernetes/until.ts';
import { json, list, startApiStub, statefulSet, watchStream } from '../kubernetes/api-stub.ts';
import { HOSTS, post } from '../webhook/support.ts';
import { startWebhookProcess as start } from './webhook-program.ts';

t.test('from start to stop: ready, serving, draining, gone', async (t) => {
  const review = readFixture<Review>('official-redis', 'review.json') as Review;
  const uid = 'b6a0c3e2-6c1a-4f53-9d4e-1a2b3c4d5e6f';
  const listing = Promise.withResolvers<void>();
  const provisioning = Promise.withResolvers<void>();
  const { kubeconfig, directory } = await startApiStub(t, ({ path, query, response }) => {
    if (query.has('watch')) watchStream(response);
    else if (path !== '/apis/apps/v1/statefulsets')
      provisioning.promise.then(() => json(response, 200, list([])));
    else listing.promise.then(() => json(response, 200, list([statefulSet('redis', { uid })])));
  });
  const { ca } = await issueDevelopmentCertificates({ directory, hosts: HOSTS });
  const { child, log, logged, exited } = start(t, {
    KUBECONFIG: kubeconfig,
    CERT_DIR: directory,
    UPDATER_IMAGE_PULL_SECRETS: 'registry,other',
    // Two requests have to fit into it, on a machine that is busy with others, too.
    DRAIN_SECONDS: '10',
  });
  const { port = 0, managementPort } = await logged('listening');
  const readyz = async () => {
    const reply = await fetch(`http://127.0.0.1:${managementPort}/readyz`);
    return { status: reply.status, text: await reply.text() };
  };
  const unlisted = 'the namespaces and their objects have not been listed yet';
  t.same(await readyz(), {
    status: 503,
    text: `the StatefulSets have not been listed yet; ${unlisted}\n`,
  });
  listing.resolve();
  await until('the StatefulSets are listed', 60_000, async () => (await readyz()).text === `${unlisted}\n`);
  provisioning.resolve();
  await until('it is ready', 60_000, async () => (await readyz()).status === 200);
  const reply = await post({ port, ca }, JSON.stringify(review));
  const { response } = JSON.parse(reply.body);
  t.match(response, { allowed: true, auditAnnotations: { reason: 'injected' } });
  const patch = JSON.parse(Buffer.from(response.patch, 'base64').toString());
  const secrets = {
    op: 'add',
    path: '/spec/imagePullSecrets',
    value: [{ name: 'registry' }, { name: 'other' }],
  };
  t.match(
    patch.filter(({ path }: { path: string }) => path === secrets.path),
    [secrets],
  );

  const renewed = logged('new certificate is served');
  const { ca: newCa } = await issueDevelopmentCertificates({ directory, hosts: HOSTS });
  await renewed;
  t.equal((await post({ port, ca: newCa }, JSON.stringify(review))).status, 200, 'with the new certificate');

  const draining = logged('draining');
  child.kill('SIGTERM');
  await draining;
  t.same(await readyz(), { status: 503, text: 'terminating\n' });
  const late = await post({ port, ca: newCa }, JSON.stringify(review));
  t.match(late, { status: 200, headers: { connection: 'close' } }, 'a late request is served');
  t.same(await exited, [0, null]);
  t.equal(log.at(-1)?.msg, 'stopped');
});

t.test('connections that were never used do not hold up its end', async (t) => {
  const answerNothing = ({ query, response }: Parameters<Parameters<typeof startApiStub>[1]>[0]) =>
    query.has('watch') ? watchStream(response) : json(response, 200, list([]));
  const { kubeconfig, directory } = await startApiStub(t, answerNothing);
  const { ca } = await issueDevelopmentCertificates({ directory, hosts: HOSTS });
  const { child, log, logged, exited } = start(t, { KUBECONFIG: kubeconfig, CERT_DIR: directory });
  const { port = 0, managementPort = 0 } = await logged('listening');
  const unused = [
    once(connectTls({ host: '127.0.0.1', port, ca }), 'secureConnect'),
    once(connect({ host: '127.0.0.1', port }), 'connect'),
    once(connect({ host: '127.0.0.1', port: managementPort }), 'connect'),
  ];
  await Promise.all(unused);
  child.kill('SIGTERM');
  t.same(await exited, [0, null]);
  t.equal(log.at(-1)?.msg, 'stopped');
});

t.test('what keeps it from starting is one log line and an exit code', async (t) => {
  const { log, exited } = start(t, { UPDATER_IMAGE: '' });
  t.same(await exited, [64, null]);
  t.match(log, [{ level: 60, exitCode: 64, msg: /UPDATER_IMAGE/ }]);
  t.equal(log.length, 1);
});

t.test(
  'without a directory it makes its own certificate, for which it has to know where it is',
  async (t) => {
    const config = readConfig({ UPDATER_IMAGE: 'u', PORT: '0', MANAGEMENT_PORT: '0' });
    const attempt = run(config, pino({ level: 'silent' }), new AbortController().signal);
    await t.rejects(attempt, { exitCode: 64, message: /set NAMESPACE/ });
  },
);

t.test('what else keeps it from starting', async (t) => {
  const directory = t.testdir();
  const config = readConfig({ UPDATER_IMAGE: 'u', CERT_DIR: directory, PORT: '0', MANAGEMENT_PORT: '0' });
  const attempt = () => run(config, pino({ level: 'silent' }), new AbortController().signal);
  await t.rejects(attempt(), { exitCode: 74, message: /tls\.(crt|key) cannot be read/ });
  await issueDevelopmentCertificates({ directory, hosts: HOSTS });
  process.env.KUBECONFIG = `${directory}/none`;
  await t.rejects(attempt(), { exitCode: 64, message: /kubeconfig cannot be used/ });
});
