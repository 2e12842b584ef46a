/** Weeks of certificate life in seconds: what happens in it, and that nobody is ever refused. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';
import { readBundle } from '../../../src/certificates/certificate.ts';
import {
  keepCalling,
  type Replica,
  settled,
  startReplica,
  startWorld,
  until,
} from '../../certificates/support.ts';

export type Life = {
  replicas: number;
  /**
   * Of a serving certificate, which stands for a week. The last third of it has to cover the second that X.509
   * cuts off and whatever holds up a busy machine, which do not shrink with the week: so not below 8,000.
   */
  weekMs: number;
  weeks: number;
  /** Life of the CA, in such weeks. */
  caWeeks: number;
  /** In the middle, one after another, with the weeks after which they happen. */
  events?: [number, 'asked' | 'deleted' | 'replica replaced'][];
};

export async function live(t: Test, { replicas: count, weekMs, weeks, caWeeks, events = [] }: Life) {
  const world = await startWorld(t);
  // In production a ten-thousandth of the week: two rotations, one after the other, still end in its last third.
  const settleMs = weekMs / 50;
  const options = {
    lifetimes: { caMs: caWeeks * weekMs, servingMs: weekMs, settleMs },
    checkMs: weekMs / 80,
  };
  const all: Replica[] = [];
  const start = async () => {
    const replica = await startReplica(t, options);
    all.push(replica);
    return replica;
  };
  const running = await Promise.all(Array.from({ length: count }, start));
  await until('all are ready', () => running.every(({ source }) => source.unready().length === 0));
  const authorities = new Map<string, 'trusted' | 'gone'>();
  const caller = keepCalling(world, running);
  const startedAt = performance.now();
  const weeksPassed = () => (performance.now() - startedAt) / weekMs;
  const pending = [...events];
  while (weeksPassed() < weeks) {
    const trusted = new Set(readBundle(await world.caBundle()).map(({ fingerprint }) => fingerprint));
    for (const known of authorities.keys()) if (!trusted.has(known)) authorities.set(known, 'gone');
    for (const fingerprint of trusted) authorities.set(fingerprint, 'trusted');
    if (weeksPassed() >= (pending[0]?.[0] ?? Number.POSITIVE_INFINITY)) {
      const [, event] = pending.shift() ?? [];
      if (event === 'asked')
        await world.mergeSecret({ metadata: { annotations: { 'redis-ip-updater.io/rotate': '' } } });
      if (event === 'deleted') await world.deleteSecret();
      if (event === 'replica replaced') {
        const [oldest] = running.splice(0, 1);
        // A handshake that has begun is let through, as the drain time does.
        await delay(200);
        await oldest?.stop();
        running.push(await start());
      }
    }
    await delay(weekMs / 100);
  }
  await caller.stop();
  t.same(caller.counts.refused, [], `no handshake refused of ${caller.counts.ok}`);
  t.same(
    all.flatMap(({ failures }) => failures),
    [],
  );
  const pairs = running.map((replica) => replica.pairs.length);
  const gone = [...authorities.values()].filter((state) => state === 'gone').length;
  t.comment(
    `${weeks} weeks of ${weekMs / 1000} s: ${caller.counts.ok} handshakes, ${caller.counts.refused.length} refused; ` +
      `certificates by replica ${pairs.join(', ')}; ${authorities.size} CAs, ${gone} of them retired`,
  );
  return { pairs, authorities: authorities.size, gone, calls: caller.counts.ok, world, running, settled };
}
