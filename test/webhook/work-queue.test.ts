import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createWorkQueue } from '../../src/webhook/work-queue.ts';
import { createWriteAllowance } from '../../src/webhook/write-allowance.ts';
import { until } from '../cluster/kubernetes/until.ts';

/** What has to come comes within this; what must not come would come within the other. */
const WAIT_MS = 60_000;
const QUIET_MS = 300;

/** A queue whose worker notes what it does; `random` at 0 halves every wait. */
function queueOf(t: Test, work: (key: string) => Promise<number | undefined>, concurrency = 2) {
  const failed: { key: string; retryMs: number }[] = [];
  const onFailure = (key: string, _: unknown, retryMs: number) => void failed.push({ key, retryMs });
  const queue = createWorkQueue({ concurrency, work, onFailure, random: () => 0 });
  t.teardown(() => queue.stop());
  return { queue, failed };
}

t.test('a key added many times is worked on once, and nothing before the start', async (t) => {
  const done: string[] = [];
  const { queue } = queueOf(t, async (key) => void done.push(key) as undefined);
  for (let times = 0; times < 5; times += 1) for (const key of ['a', 'b']) queue.add(key);
  await delay(120);
  t.same(done, []);
  queue.start();
  await delay(20);
  t.same(done, ['a', 'b']);
});

t.test('a key that is added while it is worked on is worked on again, never twice at once', async (t) => {
  let running = 0;
  let most = 0;
  let times = 0;
  const { queue } = queueOf(t, async (key) => {
    most = Math.max(most, ++running);
    times += 1;
    if (times === 1) queue.add(key);
    await delay(100);
    running -= 1;
    return undefined;
  });
  queue.start();
  queue.add('a');
  await until('worked on twice', WAIT_MS, () => times >= 2 && running === 0);
  await delay(QUIET_MS);
  t.same([times, most], [2, 1]);
});

t.test('as many at once as allowed; a slow one does not hold up the others', async (t) => {
  const done: string[] = [];
  let running = 0;
  let most = 0;
  const slow = Promise.withResolvers<void>();
  const { queue } = queueOf(t, async (key) => {
    most = Math.max(most, ++running);
    await (key === 'slow' ? slow.promise : delay(10));
    running -= 1;
    done.push(key);
    return undefined;
  });
  for (const key of ['slow', 'a', 'b', 'c', 'd']) queue.add(key);
  t.teardown(slow.resolve);
  queue.start();
  await until('the others are done', WAIT_MS, () => done.length >= 4);
  t.same([done, most], [['a', 'b', 'c', 'd'], 2]);
});

t.test('failures back off, also when the key is added again; others do not wait', async (t) => {
  const begunMs: number[] = [];
  const { queue, failed } = queueOf(t, async () => {
    begunMs.push(performance.now());
    throw new Error('bad');
  });
  queue.start();
  const addAgain = () => {
    queue.add('bad');
    return failed.length >= 3;
  };
  await until('three attempts have failed', WAIT_MS, addAgain, 18);
  t.same(
    failed.slice(0, 3).map(({ retryMs }) => retryMs),
    [500, 1000, 2000],
  );
  const [first = 0, second = 0, third = 0] = begunMs;
  // Timers count whole milliseconds.
  t.ok(second - first >= 499, `the second attempt after ${second - first} ms`);
  t.ok(third - second >= 999, `the third attempt after ${third - second} ms`);
});

t.test('looked at again after the time that was asked for', async (t) => {
  let times = 0;
  const { queue } = queueOf(t, async () => {
    times += 1;
    return times < 3 ? 100 : undefined;
  });
  queue.start();
  queue.add('a');
  await until('looked at three times', WAIT_MS, () => times >= 3);
  await delay(QUIET_MS);
  t.equal(times, 3);
});

t.test('writes of a namespace: twenty at once, then one each half minute', async (t) => {
  const allowance = createWriteAllowance();
  const granted = (namespace: string, nowMs: number) =>
    Array.from({ length: 30 }, () => allowance.take(namespace, nowMs)).filter((granted) => granted).length;
  t.equal(granted('a', 0), 20);
  t.equal(granted('a', 29_000), 0);
  t.equal(granted('a', 61_000), 2);
  t.equal(granted('b', 61_000), 20);
  t.equal(granted('a', 10_000_000), 20);
  allowance.forget('b');
  t.equal(granted('b', 61_000), 20);
});

t.test('stopping waits for what is in work, and takes nothing new', async (t) => {
  const done: string[] = [];
  const { queue } = queueOf(t, async (key) => {
    await delay(100);
    done.push(key);
    return undefined;
  });
  queue.start();
  queue.add('a');
  await delay(80);
  queue.add('late');
  await queue.stop();
  t.same(done, ['a']);
  await delay(200);
  t.same(done, ['a']);
});

t.test('where everything fails, thousands of keys are not tried in vain', async (t) => {
  const done = new Set<string>();
  let calls = 0;
  let isBroken = true;
  const queue = createWorkQueue({
    concurrency: 4,
    work: async (key) => {
      calls += 1;
      if (isBroken) throw new Error('the API server is down');
      done.add(key);
      return undefined;
    },
    onFailure: () => {},
    random: () => 1,
  });
  t.teardown(() => queue.stop());
  for (let key = 0; key < 1_000; key += 1) queue.add(String(key));
  queue.start();
  await delay(2_000);
  t.ok(calls >= 4 && calls <= 30, `${calls} attempts`);
  isBroken = false;
  await until('the first success lets all others go on', WAIT_MS, () => done.size === 1_000);
});
