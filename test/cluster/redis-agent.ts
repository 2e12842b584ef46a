/**
 * What the tests ask of redis servers in pods, from where pods can be reached: this runs as a program of its own
 * in the cluster's network, takes one task as JSON on stdin and answers with JSON on stdout.
 */
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { countIntactKeys, type Endpoint, joinCluster, writeKeys } from '../support/redis/cluster.ts';
import type { Judgement } from '../support/redis/health.ts';
import { RedisNode, scan } from '../support/redis/node.ts';
import { examine, type Recovery, watchRecovery } from '../support/redis/recovery.ts';

const READ_TIMEOUT_MS = 20_000;

/** Task -> what it needs besides the servers, and what it answers. */
export type Tasks = {
  /** Makes them one cluster: the first half masters, the rest their replicas. */
  join: { needs: object; answers: null };
  writeKeys: { needs: { count: number }; answers: null };
  /** 0 where they cannot be read in time: a client of a broken cluster tries for ever. */
  countIntactKeys: { needs: { count: number }; answers: number };
  /** Keys of each server that match, in the order of the servers; -1 for one that does not answer. */
  countKeys: { needs: { pattern: string }; answers: number[] };
  examine: { needs: object; answers: Judgement };
  /** Until it has healed; the times count from `startedAt`, by Date.now(). */
  watchRecovery: { needs: { startedAt: number; timeoutMs: number }; answers: Recovery };
  /** The answer of each server to one command. */
  ask: { needs: { command: string[] }; answers: unknown[] };
};
export type TaskName = keyof Tasks;

const perform: {
  [Name in TaskName]: (endpoints: Endpoint[], needs: Tasks[Name]['needs']) => Promise<Tasks[Name]['answers']>;
} = {
  join: (endpoints) => joinCluster(['redis-cli'], endpoints).then(() => null),
  writeKeys: (endpoints, { count }) => writeKeys(endpoints, count).then(() => null),
  countIntactKeys: (endpoints, { count }) =>
    Promise.race([countIntactKeys(endpoints, count), sleep(READ_TIMEOUT_MS).then(() => 0)]),
  countKeys: (endpoints, { pattern }) =>
    Promise.all(
      nodes(endpoints).map((node) =>
        scan(node, pattern).then(
          (keys) => keys.length,
          () => -1,
        ),
      ),
    ),
  examine: (endpoints) => examine(nodes(endpoints)),
  watchRecovery: (endpoints, { startedAt, timeoutMs }) =>
    watchRecovery(nodes(endpoints), {
      startedAtMs: performance.now() - (Date.now() - startedAt),
      timeoutMs,
    }),
  ask: (endpoints, { command }) => Promise.all(nodes(endpoints).map((node) => node.ask(...command))),
};

const nodes = (endpoints: Endpoint[]) => endpoints.map(({ host, port }) => new RedisNode(host, port));

if (import.meta.main) {
  // It does not outlive the test, however that ends.
  const test = process.ppid;
  setInterval(() => process.ppid === test || process.exit(1), 1000);
  const { task, endpoints, ...needs } = JSON.parse(await text(process.stdin));
  const answer = await perform[task as TaskName](endpoints, needs);
  // The connections would keep it waiting.
  process.stdout.write(JSON.stringify(answer), () => process.exit(0));
}
