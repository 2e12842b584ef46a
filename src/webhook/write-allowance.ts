/**
 * How often a namespace may be written to: enough for any honest change, and not enough for a fight with a
 * program that undoes what we do (a GitOps tool, a replica of another version).
 */
const WRITES_AT_ONCE = 20;
const REFILL_MS = 30_000;

export type WriteAllowance = {
  /** Takes one if one is left. `nowMs` may be of any clock that only goes forward. */
  take(namespace: string, nowMs: number): boolean;
  forget(namespace: string): void;
};

export function createWriteAllowance(): WriteAllowance {
  const buckets = new Map<string, { left: number; atMs: number }>();
  return {
    take(namespace, nowMs) {
      const { left, atMs } = buckets.get(namespace) ?? { left: WRITES_AT_ONCE, atMs: nowMs };
      const refilled = Math.min(WRITES_AT_ONCE, left + (nowMs - atMs) / REFILL_MS);
      const granted = refilled >= 1;
      buckets.set(namespace, { left: granted ? refilled - 1 : refilled, atMs: nowMs });
      return granted;
    },
    forget: (namespace) => void buckets.delete(namespace),
  };
}
