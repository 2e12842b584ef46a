/** Replicas that share a CA through the API, one or several, and what people do to it by hand. */
import t from 'tap';
import { readBundle } from '../../src/certificates/certificate.ts';
import { handshake, settled, startReplica, startWorld } from './support.ts';

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
