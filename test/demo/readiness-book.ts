/** When each pod last got ready, as its kubelet saw it: the clock that recovery is measured by. */

type Entry = { ip: string; atMs: number };

export class ReadinessBook {
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Set<() => void>();

  /** Gives back where the pod was before. */
  note(pod: string, ip: string): string | undefined {
    const before = this.#entries.get(pod)?.ip;
    this.#entries.set(pod, { ip, atMs: performance.now() });
    for (const check of this.#waiting) check();
    return before;
  }

  /** Where a pod was when it last got ready. */
  addressOf(pod: string): string {
    const entry = this.#entries.get(pod);
    if (!entry) throw new Error(`${pod} has never been ready`);
    return entry.ip;
  }

  /** Waits until every pod got ready after `sinceMs`; the answer is when the last one did. */
  lastReady(pods: readonly string[], sinceMs: number, timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const missing = () => pods.filter((pod) => (this.#entries.get(pod)?.atMs ?? 0) <= sinceMs);
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        end();
      };
      const check = () => {
        const times = pods.map((pod) => this.#entries.get(pod)?.atMs ?? 0);
        if (missing().length === 0) settle(() => resolve(Math.max(...times)));
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`not ready after ${timeoutMs / 1000} s: ${missing().join(', ')}`)));
      }, timeoutMs);
      this.#waiting.add(check);
      check();
    });
  }
}
