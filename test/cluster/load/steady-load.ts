/** A client that calls at a steady rate, whether or not its earlier calls have been answered. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Several at a time, as a StatefulSet makes its pods: so several connections are in use all the time. */
const BATCH = 4;
/** Twenty calls per second. */
const INTERVAL_MS = 200;

/** What became of a call; a failed one with what the API server, or the connection to it, said. */
export type Outcome = { kind: 'injected' } | { kind: 'failed'; message: string };

/** Times in milliseconds of `performance.now()`. */
export type Call = { sentAtMs: number; answeredAtMs: number; outcome: Outcome };

export type Load = {
  /** Those that have been answered, in the order of their answers: the array grows. */
  calls: readonly Call[];
  /** How many have been sent and not answered yet. */
  inFlight(): number;
  /** Sends that many at once, beside the others; resolves when the first of them is answered. */
  burst(count: number): Promise<void>;
  /** Resolves when that many more than by now have been answered. */
  more(count: number): Promise<void>;
  /** Sends no more; resolves when all are answered. */
  stop(): Promise<void>;
  /** By how much the latest batch was late: what holds up a machine holds up its client, too. */
  latestMs(): number;
};

/** Starts to make calls. `call` must not reject. */
export function startLoad(call: () => Promise<Outcome>): Load {
  const calls: Call[] = [];
  const pending = new Set<Promise<void>>();
  let isStopped = false;
  let latestMs = 0;

  const send = (): Promise<void> => {
    const sentAtMs = performance.now();
    const answered = call().then((outcome) => {
      calls.push({ sentAtMs, answeredAtMs: performance.now(), outcome });
      pending.delete(answered);
    });
    pending.add(answered);
    return answered;
  };
  const burst = (count: number) => Array.from({ length: count }, send);

  async function drive(): Promise<void> {
    // A batch that is late is sent all the same, and the next one when it is due: none is left out.
    for (let dueAtMs = performance.now(); !isStopped; dueAtMs += INTERVAL_MS) {
      await sleep(Math.max(0, dueAtMs - performance.now()));
      latestMs = Math.max(latestMs, performance.now() - dueAtMs);
      burst(BATCH);
    }
  }
  const driving = drive();

  return {
    calls,
    inFlight: () => pending.size,
    burst: (count) => Promise.race(burst(count)),
    async more(count) {
      const enough = calls.length + pending.size + count;
      while (calls.length < enough) await sleep(INTERVAL_MS);
    },
    async stop() {
      isStopped = true;
      await driving;
      await Promise.all(pending);
    },
    latestMs: () => latestMs,
  };
}
