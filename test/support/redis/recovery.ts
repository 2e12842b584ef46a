/** How long a cluster takes to heal. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Judgement, judge } from './health.ts';
import type { RedisNode } from './node.ts';
import { viewOf } from './view.ts';

export type Recovery = {
  /** Both below came about in time. */
  recovered: boolean;
  /** From the start until state and addresses were right everywhere. */
  healMs: number;
  /** From the start until every replica followed its own master, too, with as many keys. */
  replicationMs: number;
  /** The last judgement: empty lists when recovered. */
  last: Judgement;
};

export type Watch = {
  /** The moment to count from, by performance.now(). */
  startedAtMs: number;
  timeoutMs: number;
  /** Hears of every judgement. */
  progress?: (judgement: Judgement) => void;
};

const POLL_MS = 50;

/** Judges a cluster once. */
export async function examine(nodes: readonly RedisNode[]): Promise<Judgement> {
  return judge(await Promise.all(nodes.map((node) => viewOf(node).catch(() => undefined))));
}

/** Judges a cluster again and again until it has healed, or the time is over. */
export async function watchRecovery(nodes: readonly RedisNode[], watch: Watch): Promise<Recovery> {
  const elapsed = () => Math.max(0, Math.round(performance.now() - watch.startedAtMs));
  let healMs: number | undefined;
  for (;;) {
    const last = await examine(nodes);
    // Healed is what stays healed: a relapse before replication is right starts the count anew.
    if (last.topology.length > 0) healMs = undefined;
    else healMs ??= elapsed();
    const recovered = healMs !== undefined && last.replication.length === 0;
    if (recovered || elapsed() > watch.timeoutMs) {
      return { recovered, healMs: healMs ?? elapsed(), replicationMs: elapsed(), last };
    }
    watch.progress?.(last);
    await sleep(POLL_MS);
  }
}
