import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits for a condition of the outside world that nobody announces.
 *
 * @param what the condition, as a clause: the error says that it did not come true
 * @param check truthy when it holds; an error of its own ends the waiting at once
 * @returns what `check` returned last
 */
export async function until<T>(
  what: string,
  timeoutMilliseconds: number,
  check: () => T | Promise<T>,
  intervalMilliseconds = 50,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMilliseconds;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMilliseconds} ms: ${what}`);
    await sleep(intervalMilliseconds);
  }
}

/** Waits until `count` has not changed for so long; gives what it is then. */
export async function untilStill(count: () => number, milliseconds: number): Promise<number> {
  for (let before = -1; ; await sleep(milliseconds)) {
    const now = count();
    if (now === before) return now;
    before = now;
  }
}
