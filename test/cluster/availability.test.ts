/**
 * Whether pods can be created while things happen to the webhook: labelled pods of a labelled StatefulSet, created by
 * dry run twenty times per second, on a real cluster, with the chart's two replicas and self-managed certificates.
 */
import t, { type Test } from 'tap';
import type { Cluster } from './kubernetes/cluster.ts';
import { connectAnew } from './load/connections.ts';
import { experiments, type Losses } from './load/experiments.ts';
import { openShop } from './load/installation.ts';
import { settledReplicas } from './load/replicas.ts';
import { type Call, type Load, type Outcome, startLoad } from './load/steady-load.ts';
import { type Summary, summarize, table } from './load/summary.ts';

/** Calls before and after each experiment. */
const AROUND = 60;

t.test('pods are created during', async (t) => {
  const { cluster, createPod } = await openShop(t);
  const summaries: Summary[] = [];
  for (const [name, act] of Object.entries(experiments)) {
    await t.test(name, async (t) => {
      await connect(t, cluster, createPod);
      const load = startLoad(createPod);
      t.teardown(() => load.stop());
      await load.more(AROUND);
      const losses = await act(cluster, load);
      await load.more(AROUND);
      await load.stop();
      const summary = summarize(name, load.calls, losses?.excuse ?? (() => undefined));
      assertLosses(t, summary, losses);
      sayHowLate(t, load);
      summaries.push(summary);
    });
  }
  for (const line of table(summaries)) t.comment(line);
});

/** So that each replica has its part in what follows. */
async function connect(t: Test, cluster: Cluster, createPod: () => Promise<Outcome>): Promise<void> {
  const load = startLoad(createPod);
  t.teardown(() => load.stop());
  await connectAnew(cluster, await settledReplicas(cluster), load.burst);
  await load.stop();
  t.same(messages(load.calls), [], 'connected to both replicas');
}

function assertLosses(t: Test, { requests, failures, excused }: Summary, losses: Losses | undefined): void {
  for (const [excuse, calls] of excused) {
    for (const [message, count] of messages(calls)) t.comment(`${count} ${excuse}: ${message}`);
    const atMost = losses?.atMost[excuse];
    if (atMost !== undefined) t.ok(calls.length <= atMost, `${calls.length} ${excuse}, of at most ${atMost}`);
  }
  t.same(messages(failures), [], `no other failure in ${requests} requests`);
}

/** What failed calls said, but for the API server's own ports, and how many of them. */
function messages(calls: readonly Call[]): [string, number][] {
  const said = calls.flatMap(({ outcome }) => (outcome.kind === 'failed' ? [outcome.message] : []));
  const alike = Map.groupBy(said, (message) => message.replace(/:\d+->/, '->'));
  return [...alike].map(([message, all]) => [message, all.length]);
}

function sayHowLate(t: Test, load: Load): void {
  const seconds = (load.latestMs() / 1000).toFixed(1);
  if (load.latestMs() > 1_000) t.comment(`the machine was busy: calls were sent up to ${seconds} s late`);
}
