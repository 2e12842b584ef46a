/** Clocks that are wrong: ours, which must not matter, and the API server's, which does. */
import t, { type Test } from 'tap';
import { createCertificateApi } from '../../../src/kubernetes/certificate-api.ts';
import { PooledKubeConfig } from '../../../src/kubernetes/client.ts';
import {
  handshake,
  NAMESPACE,
  settled,
  startReplica,
  startWorld,
  until,
} from '../../certificates/support.ts';

const DAY_MS = 86_400_000;

/** Two replicas, and an API server whose clock is off by what the test says. */
async function withClock(t: Test) {
  const world = await startWorld(t);
  const clock = { offMs: 0 };
  const api = createCertificateApi({
    config: new PooledKubeConfig(5_000),
    namespace: NAMESPACE,
    onWatchError: () => {},
  });
  const readSecret = async () => {
    const seen = await api.readSecret();
    return { ...seen, atMs: seen.atMs + clock.offMs };
  };
  const options = { api: { ...api, readSecret }, checkMs: 50 };
  const replicas = [await startReplica(t, options), await startReplica(t, options)];
  await settled(world, replicas);
  const calls = async () => {
    const ca = await world.caBundle();
    return Promise.all(replicas.map(({ port }) => handshake(port, ca)));
  };
  /** Whether what they serve is valid by the clock as it is now. */
  const areValid = () =>
    replicas.every(({ pairs }) => {
      const { notBeforeMs = 0, notAfterMs = 0 } = pairs.at(-1) ?? {};
      const nowMs = Date.now() + clock.offMs;
      return notBeforeMs <= nowMs && nowMs <= notAfterMs;
    });
  return { world, replicas, clock, calls, areValid };
}

for (const years of [-30, 30]) {
  t.test(`our own clock is ${years} years off: nobody notices`, async (t) => {
    const world = await startWorld(t);
    const now = () => Date.now() + years * 365 * DAY_MS;
    const replicas = [await startReplica(t), await startReplica(t, { now })];
    await settled(world, replicas);
    const writes = world.writes();
    const ca = await world.caBundle();
    t.same(await Promise.all(replicas.map(({ port }) => handshake(port, ca))), ['ok', 'ok']);
    const late = await startReplica(t, { now });
    await settled(world, [...replicas, late]);
    t.equal(world.writes(), writes);
  });
}

t.test("the API server's clock goes far ahead, and comes back: valid by either clock", async (t) => {
  const { world, replicas, clock, calls, areValid } = await withClock(t);
  for (const days of [6, 3_000, 30_000]) {
    const before = (await world.secret()).ca;
    clock.offMs = days * DAY_MS;
    await until('certificates are valid', areValid);
    await settled(world, replicas);
    t.equal((await world.secret()).ca !== before, days > 6, `${days} days: whether it needs a new CA`);
    t.same(await calls(), ['ok', 'ok'], 'who did not follow the jump accepts them, too');
    clock.offMs = 0;
    await settled(world, replicas);
    t.ok(areValid());
    t.same(await calls(), ['ok', 'ok']);
  }
});

t.test("the API server's clock goes back, and comes to itself again", async (t) => {
  const { world, replicas, clock, calls, areValid } = await withClock(t);
  for (const days of [-0.01, -1, -9_000]) {
    clock.offMs = days * DAY_MS;
    await until('certificates are valid by its clock', areValid);
    await settled(world, replicas);
    clock.offMs = 0;
    await until('and by the right one again', areValid);
    await settled(world, replicas);
    t.same(await calls(), ['ok', 'ok'], `${days} days`);
  }
});

t.test('asleep for a month: at the first look after it, everything is made new', async (t) => {
  const { world, replicas, clock, areValid } = await withClock(t);
  const before = await world.secret();
  clock.offMs = 30 * DAY_MS;
  t.notOk(areValid());
  await until('certificates are valid', areValid);
  await settled(world, replicas);
  t.same((await world.secret()).ca, before.ca, 'the CA lives for longer than that');
  t.ok(areValid());
});
