/** Replicas that share a CA through the API, one or several, and what people do to it by hand. */
import t from 'tap';
import { readBundle } from '../../../src/certificates/certificate.ts';
import { issueAuthority } from '../../../src/certificates/issue.ts';
import {
  handshake,
  keepCalling,
  LONG,
  settled,
  startReplica,
  startWorld,
  until,
  type World,
} from '../../certificates/support.ts';

for (const count of [1, 2, 3]) {
  t.test(`${count} replicas start at once: one CA, and each serves a certificate of it`, async (t) => {
    const world = await startWorld(t);
    const replicas = await Promise.all(Array.from({ length: count }, () => startReplica(t)));
    await settled(world, replicas);
    const { ca, retiring } = await world.secret();
    const bundle = await world.caBundle();
    t.equal(bundle, ca, 'the caBundle is that CA and nothing else');
    t.same(JSON.parse(retiring), []);
    for (const { port, source, failures } of replicas) {
      t.equal(await handshake(port, bundle), 'ok');
      t.equal(source.caBundleMatches(), true);
      t.same(failures, []);
    }
    t.equal(await world.otherBundle(), undefined, 'the other webhook of the configuration is left alone');
    t.same(
      replicas.flatMap(({ made }) => made),
      ['created'],
      'made by one of them',
    );
    t.same(await world.events(), ['Normal CertificateAuthorityCreated']);
    // Namespace, configuration, Secret, caBundle, Event.
    t.equal(world.writes(), 5, 'no write too many');
    const hours = (ms = 0) => Math.round((ms - Date.now()) / 3_600_000);
    t.equal(hours(replicas[0]?.pairs[0]?.notAfterMs), 7 * 24);
    const [{ notBeforeMs = 0, notAfterMs = 0 } = {}] = readBundle(ca);
    t.same([hours(notBeforeMs), hours(notAfterMs)], [-1, 3650 * 24]);
  });
}

t.test('a replica that comes later writes nothing', async (t) => {
  const world = await startWorld(t);
  const first = await startReplica(t);
  await settled(world, [first]);
  await first.stop();
  const writes = world.writes();
  const second = await startReplica(t);
  await settled(world, [second]);
  t.equal(world.writes(), writes);
  t.equal(await handshake(second.port, await world.caBundle()), 'ok');
});

/** What people do to the Secret, and what is told of it. All of it leads to a new CA, and to no refused call. */
const hands: [string, (world: World) => Promise<unknown>, string][] = [
  ['deleted', (world) => world.deleteSecret(), 'Warning CertificateAuthorityRestored'],
  ['emptied', (world) => world.mergeSecret({ data: null }), 'Warning CertificateAuthorityRepaired'],
  [
    'filled with rubbish',
    (world) => world.mergeSecret({ data: { 'ca.crt': 'cnViYmlzaA==', 'ca.key': '!!!' } }),
    'Warning CertificateAuthorityRepaired',
  ],
  [
    'asked for a new one',
    (world) => world.mergeSecret({ metadata: { annotations: { 'redis-ip-updater.io/rotate': '' } } }),
    'Normal CertificateAuthorityRotated',
  ],
];
for (const [what, act, event] of hands) {
  t.test(`the Secret is ${what}`, async (t) => {
    const world = await startWorld(t);
    const replicas = await Promise.all([startReplica(t), startReplica(t)]);
    await settled(world, replicas);
    const before = await world.secret();
    const caller = keepCalling(world, replicas);
    const [startedAt, writes] = [performance.now(), world.writes()];
    await act(world);
    await until('both serve a second certificate', () => replicas.every(({ pairs }) => pairs.length === 2));
    const tookMs = performance.now() - startedAt;
    await settled(world, replicas);
    await caller.stop();

    const after = await world.secret();
    t.not(after.ca, before.ca, 'there is a new CA');
    t.same(readBundle(await world.caBundle()), readBundle(after.ca + before.ca), 'new and old are trusted');
    t.ok(tookMs >= LONG.settleMs, 'the new one was not used before it had been trusted for long enough');
    t.same(caller.counts.refused, [], `no handshake refused of ${caller.counts.ok}`);
    t.ok(caller.counts.ok > 10);
    t.notOk(after.metadata.annotations?.['redis-ip-updater.io/rotate'], 'the wish is fulfilled once');
    t.same(await world.events(), ['Normal CertificateAuthorityCreated', event].sort());
    t.same(
      replicas.flatMap(({ failures }) => failures),
      [],
    );
    // What was done to it, if that was a write, and Secret, caBundle, Event.
    t.equal(world.writes() - writes, what === 'deleted' ? 3 : 4);
  });
}

t.test('an own CA is put into the Secret', async (t) => {
  const world = await startWorld(t);
  const replica = await startReplica(t);
  await settled(world, [replica]);
  const before = await world.secret();
  const { certificate, key } = await issueAuthority(86_400_000, Date.now());
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  await world.mergeSecret({
    data: { 'ca.crt': base64(certificate.pem), 'ca.key': base64(key), 'retiring.json': null },
  });
  await until('it signs', () => replica.pairs.length === 2);
  await settled(world, [replica]);
  t.equal((await world.secret()).ca, certificate.pem, 'it is taken');
  t.same(readBundle(await world.caBundle()), readBundle(certificate.pem + before.ca));
  t.equal(await handshake(replica.port, certificate.pem), 'ok');
});

t.test('the caBundle is changed by hand', async (t) => {
  const world = await startWorld(t);
  const replicas = await Promise.all([startReplica(t), startReplica(t)]);
  await settled(world, replicas);
  const { ca } = await world.secret();
  const stranger = await issueAuthority(86_400_000, Date.now());
  const table: [string, string, string][] = [
    ['emptied', '', ca],
    ['another CA in it', stranger.certificate.pem, ca + stranger.certificate.pem],
    ['emptied again: what is to retire later comes back, too', '', ca + stranger.certificate.pem],
  ];
  for (const [what, written, expected] of table) {
    await world.writeBundle(written);
    await until(what, async () => (await world.caBundle()).startsWith(ca));
    await settled(world, replicas);
    t.same(readBundle(await world.caBundle()), readBundle(expected), what);
  }
  t.same(
    replicas.map(({ pairs }) => pairs.length),
    [1, 1],
    'nobody needed a new certificate',
  );
});

t.test('without a webhook configuration it waits, and says so', async (t) => {
  const world = await startWorld(t, { configured: false });
  const replica = await startReplica(t);
  await until('a certificate is served', () => replica.pairs.length === 1);
  const waiting = ['there is no webhook configuration to write the caBundle into'];
  t.same(replica.source.unready(), waiting);
  await world.configure();
  await settled(world, [replica]);
  t.equal(await handshake(replica.port, await world.caBundle()), 'ok');
  await world.deleteConfiguration();
  await until('its end is noticed', () => replica.source.unready().length > 0);
  t.same(replica.source.unready(), waiting);
  t.equal(replica.source.caBundleMatches(), false);
  await world.configure();
  await settled(world, [replica]);
  t.same(replica.failures, []);
});

t.test('the API says no: readiness says why, and it comes back by itself', async (t) => {
  const world = await startWorld(t);
  world.refuse((_, resource) => resource === 'secrets', 403);
  const replica = await startReplica(t, { checkMs: 50 });
  await until('it failed', () => replica.failures.length > 1);
  t.match(replica.source.unready(), [
    /^the webhook could not read the Secret .* HTTP 403 .*ClusterRole bound\?/,
  ]);
  world.refuse((verb) => verb === 'patch');
  await until('it has a certificate', () => replica.pairs.length === 1);
  await until('the caBundle was refused', () => /write the caBundle/.test(replica.failures.at(-1) ?? ''));
  t.match(replica.source.unready(), [
    /^the caBundle does not hold our CA: .* write the caBundle .* HTTP 503/,
  ]);
  world.refuseNothing();
  await settled(world, [replica]);
  world.refuse(() => true);
  const failed = replica.failures.length;
  await until('it failed again', () => replica.failures.length > failed);
  t.same(replica.source.unready(), [], 'what it serves is as good as before');
});

t.test('an Event that cannot be written keeps nothing up', async (t) => {
  const world = await startWorld(t);
  world.refuse((verb, resource) => verb === 'create' && resource === 'events');
  const replica = await startReplica(t);
  const said = new Set<string>();
  await until('it is ready', () => {
    const reasons = replica.source.unready();
    for (const reason of reasons) said.add(reason);
    return reasons.length === 0;
  });
  t.match(replica.failures, [/could not create an Event/]);
  t.notMatch([...said].join(), /Event/, 'nor is it a reason not to be ready');
});

t.test('a Secret that refuses every change ends in a failure that says so, not in a busy loop', async (t) => {
  const world = await startWorld(t);
  const first = await startReplica(t);
  await settled(world, [first]);
  await first.stop();
  await world.mergeSecret({ data: { 'ca.crt': null } });
  world.refuse((verb, resource) => verb === 'patch' && resource === 'secrets', 422);
  const replica = await startReplica(t);
  await until('it gives up for now', () => replica.failures.length === 1);
  t.match(replica.failures, [/did not come to rest: its Secret .* refuses each change/]);
  t.match(replica.source.unready(), [/did not come to rest/]);
  const requests = world.api.audit.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.equal(world.api.audit.length, requests, 'it pauses');
});
