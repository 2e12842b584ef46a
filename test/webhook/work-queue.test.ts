import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { createWorkQueue } from '../../src/webhook/work-queue.ts';
import { createWriteAllowance } from '../../src/webhook/write-allowance.ts';

mock.timers.enable({ apis: ['setTimeout'] });
t.teardown(() => mock.timers.reset());

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Time stands still but for this; what follows from it has happened at its end. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1) {
    mock.timers.tick(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

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
  await pass(120);
  t.same(done, []);
  queue.start();
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
  await pass(1_000);
  t.same([times, most, running], [2, 1, 0]);
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
  await pass(200);
  t.same([done, most], [['a', 'b', 'c', 'd'], 2]);
});

t.test('failures back off, also when the key is added again; others do not wait', async (t) => {
  const begunMs: number[] = [];
  let nowMs = 0;
  let others = 0;
  const { queue, failed } = queueOf(t, async (key) => {
    if (key === 'good') {
      others += 1;
      return undefined;
    }
    begunMs.push(nowMs);
    throw new Error('bad');
  });
  queue.start();
  for (; failed.length < 3 && nowMs < 10_000; nowMs += 1) {
    queue.add('bad');
    await pass(1);
  }
  t.same(
    failed.map(({ retryMs }) => retryMs),
    [500, 1000, 2000],
  );
  const [first = 0, second = 0, third = 0] = begunMs;
  t.same([second - first, third - second], [500, 1000]);
  queue.add('good');
  await pass(300);
  t.equal(others, 1, 'before the next attempt');
});

t.test('looked at again after the time that was asked for', async (t) => {
  let times = 0;
  const { queue } = queueOf(t, async () => {
    times += 1;
    return times < 3 ? 100 : undefined;
  });
  queue.start();
  queue.add('a');
  await pass(149);
  t.equal(times, 2);
  await pass(1);
  t.equal(times, 3);
  await pass(1_000);
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
  await pass(80);
  queue.add('late');
  const stopped = queue.stop().then(() => done.slice());
  await pass(1_000);
  t.same([await stopped, done], [['a'], ['a']]);
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
  await pass(2_000);
  t.ok(calls >= 4 && calls <= 30, `${calls} attempts`);
  isBroken = false;
  await pass(30_000);
  t.equal(done.size, 1_000, 'the first success lets all others go on');
});
