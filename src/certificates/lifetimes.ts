/** How long things live, all in milliseconds. */
export type Lifetimes = {
  /** Of the CA. */
  caMs: number;
  /** Of a serving certificate; at most a third of the CA's, or a serving certificate would outlive its renewal. */
  servingMs: number;
  /** From the moment when we see a new CA in the caBundle until we take it that every API server has seen it. */
  settleMs: number;
};

/**
 * Whether it is time for a new one: two thirds of the life are over, or it is not valid at all. Told by what is
 * left, since our certificates begin earlier than they were made (see issue.ts).
 */
export function isDue(
  { notBeforeMs, notAfterMs }: { notBeforeMs: number; notAfterMs: number },
  lifetimeMs: number,
  nowMs: number,
): boolean {
  // A CA brought by hand may have a shorter life than ours.
  const lifeMs = Math.min(lifetimeMs, notAfterMs - notBeforeMs);
  return nowMs < notBeforeMs || notAfterMs - nowMs <= lifeMs / 3;
}

/**
 * How long a CA that signs no more stays in the caBundle. What it signed last expires one serving lifetime after
 * the change at the latest, on whichever replica, cut off or asleep (see self-managed.ts). Half of one more is for
 * the clocks of API servers that disagree, and for a rollout that changes the lifetime.
 */
export function retirementMs({ servingMs, settleMs }: Lifetimes): number {
  return servingMs * 1.5 + settleMs;
}
