/** A queue of keys: one key is worked on once at a time, and again if it was added meanwhile. */

/** Changes that belong together come within this time, and what we wrote comes back through the watches. */
const GATHER_MS = 100;
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 300_000;
/** Where one key after the other fails it is not about the keys: then all wait, or thousands would be tried in vain. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

export type WorkQueueOptions = {
  /** Keys worked on at the same time. */
  concurrency: number;
  /** Works on a key; gives the milliseconds after which it wants to be looked at again, undefined for never. */
  work(key: string): Promise<number | undefined>;
  onFailure(key: string, error: unknown, retryMs: number): void;
  /** From 0 to 1, for the jitter. */
  random(): number;
};

export type WorkQueue = {
  /** Soon, and once however often it is added; a key that failed waits for its own next attempt. */
  add(key: string): void;
  /** Until then keys are only gathered. */
  start(): void;
  /** Takes no further key, and resolves when those in work have ended. */
  stop(): Promise<void>;
};

type Entry = {
  /** `soon` waits a moment, `later` for its next look; both have a timer. */
  state: 'soon' | 'later' | 'ready' | 'working';
  addedAgain: boolean;
  failures: number;
  timer?: NodeJS.Timeout;
};

export function createWorkQueue({ concurrency, work, onFailure, random }: WorkQueueOptions): WorkQueue {
  const entries = new Map<string, Entry>();
  const ready: string[] = [];
  let working = 0;
  let running = false;
  let failuresInARow = 0;
  let pause: NodeJS.Timeout | undefined;
  let whenIdle: (() => void) | undefined;

  function add(key: string): void {
    const entry = entries.get(key);
    if (!entry) {
      const added: Entry = { state: 'soon', addedAgain: false, failures: 0 };
      entries.set(key, added);
      wait(key, added, 'soon', GATHER_MS);
    } else if (entry.state === 'working') {
      entry.addedAgain = true;
    } else if (entry.state === 'later' && entry.failures === 0) {
      wait(key, entry, 'soon', GATHER_MS);
    }
  }

  /** At least half of the time, so that replicas and namespaces do not march in step. */
  function wait(key: string, entry: Entry, state: 'soon' | 'later', ms: number): number {
    clearTimeout(entry.timer);
    entry.state = state;
    const waitMs = ms * (0.5 + random() / 2);
    entry.timer = setTimeout(() => {
      entry.state = 'ready';
      ready.push(key);
      takeNext();
    }, waitMs).unref();
    return waitMs;
  }

  function takeNext(): void {
    while (running && !pause && working < concurrency) {
      const key = ready.shift();
      const entry = key === undefined ? undefined : entries.get(key);
      if (key === undefined || !entry) return;
      void workOn(key, entry);
    }
  }

  async function workOn(key: string, entry: Entry): Promise<void> {
    working += 1;
    entry.state = 'working';
    entry.addedAgain = false;
    try {
      const againMs = await work(key);
      entry.failures = 0;
      failuresInARow = 0;
      if (entry.addedAgain) wait(key, entry, 'soon', GATHER_MS);
      else if (againMs === undefined) entries.delete(key);
      else wait(key, entry, 'later', againMs);
    } catch (error) {
      const backoffMs = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** entry.failures);
      entry.failures += 1;
      onFailure(key, error, wait(key, entry, 'later', backoffMs));
      failuresInARow += 1;
      takeABreath();
    }
    working -= 1;
    takeNext();
    if (working === 0) whenIdle?.();
  }

  function takeABreath(): void {
    const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failuresInARow - 1));
    pause ??= setTimeout(() => {
      pause = undefined;
      takeNext();
    }, ms).unref();
  }

  return {
    add,
    start: () => {
      running = true;
      takeNext();
    },
    stop: async () => {
      running = false;
      clearTimeout(pause);
      for (const { timer } of entries.values()) clearTimeout(timer);
      if (working > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
    },
  };
}
