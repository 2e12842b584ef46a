/** What replicas wait for, and what they do not wait for. */
import t from 'tap';
import { readBundle } from '../../../src/certificates/certificate.ts';
import {
  handshake,
  LONG,
  type Replica,
  settled,
  startReplica,
  startWorld,
  until,
} from '../../certificates/support.ts';

t.test('a replica that starts during a rotation waits until its CA may be known everywhere', async (t) => {
  const world = await startWorld(t);
  const clock = { ms: 0 };
  const settleMs = 60_000;
  const options = { lifetimes: { ...LONG, settleMs }, checkMs: 50, elapsed: () => clock.ms };
  const rotate = () => world.mergeSecret({ metadata: { annotations: { 'redis-ip-updater.io/rotate': '' } } });
  const trusts = (count: number) =>
    until(`${count} are trusted`, async () => readBundle(await world.caBundle()).length === count);
  const untilSigned = (...counts: [Replica, number][]) =>
    until('they sign anew', () => {
      clock.ms += settleMs / 10;
      return counts.every(([{ pairs }, count]) => pairs.length === count);
    });
  const first = await startReplica(t, options);
  await until('the first is ready', () => first.source.unready().length === 0);
  t.equal(clock.ms, 0, 'the first installation waits for nothing');
  const said = new Set<string>();
  const watch = setInterval(() => {
    for (const reason of first.source.unready()) said.add(reason);
  }, 5);
  t.teardown(() => clearInterval(watch));
  await rotate();
  await trusts(2);

  const late = await startReplica(t, options);
  await until('it has looked', () => late.source.caBundleMatches() === true);
  const waiting = [/^our CA is so new in the caBundle/];
  t.match(late.source.unready(), waiting);
  clock.ms = settleMs - 1;
  t.match(late.source.unready(), waiting);
  clock.ms = settleMs;
  t.same(late.source.unready(), []);
  await untilSigned([first, 2]);

  await rotate();
  await trusts(3);
  await untilSigned([first, 3], [late, 2]);
  t.same([...said], [], 'who was ready stays so');
});

t.test('a certificate is renewed while the webhook configuration cannot be read', async (t) => {
  const world = await startWorld(t);
  const lifetimes = { ...LONG, servingMs: 4_500 };
  const replica = await startReplica(t, { lifetimes, checkMs: 100 });
  await settled(world, [replica]);
  const ca = await world.caBundle();
  const refuseReading = () =>
    world.refuse((_, resource) => resource === 'mutatingwebhookconfigurations', 403);
  refuseReading();
  const count = replica.pairs.length;
  await until('it renewed twice', () => replica.pairs.length >= count + 2);
  t.match(replica.failures, [/could not read .*HTTP 403/]);
  t.same(replica.source.unready(), []);
  t.equal(await handshake(replica.port, ca), 'ok');

  const fresh = await startReplica(t, { checkMs: 100 });
  await until('another serves, too', () => fresh.pairs.length === 1);
  await until('it failed', () => fresh.failures.length > 0);
  t.match(fresh.source.unready(), [/HTTP 403/], 'and says why it is not ready');
  world.refuseNothing();
  await settled(world, [replica, fresh]);
});
