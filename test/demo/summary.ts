/** The end of the demo: a table for people, a line for programs, and whether all went as it should. */
import type { BrokenResult, StrangerResult } from './acts.ts';
import type { RestartResult } from './restart.ts';

export type Results = {
  withoutUpdater: BrokenResult;
  parallel: RestartResult;
  swapped: RestartResult;
  stranger: StrangerResult;
  /** Only with --baseline. */
  baseline?: RestartResult;
};

/** What is not as it should be; empty when all is. */
export function shortcomings({ withoutUpdater, baseline, ...protectedActs }: Results): string[] {
  const restarts = { ...protectedActs, ...(baseline && { baseline }) };
  return [
    ...(withoutUpdater.recovered ? ['without the updater the cluster healed'] : []),
    ...(withoutUpdater.foreignKeys === 0 ? ['without the updater no foreign key was seen'] : []),
    ...Object.entries(restarts).flatMap(([act, { recovered, keys, keysIntact }]) => [
      ...(recovered ? [] : [`${act}: the cluster did not heal`]),
      ...(keysIntact === keys ? [] : [`${act}: ${keys - keysIntact} keys are lost`]),
    ]),
    ...(protectedActs.parallel.apiRequestsPerPod === 1
      ? []
      : ['parallel: a pod needs more than one API request']),
    ...(protectedActs.stranger.foreignKeys === 0 ? [] : ['stranger: foreign keys got in']),
  ];
}

/** The table, line by line. */
export function table(results: Results): string[] {
  const { withoutUpdater: a, parallel: b, swapped: c, stranger: d, baseline } = results;
  const never = a.recovered ? 'yes' : `never (${seconds(a.waitedMs)} watched)`;
  const rows = [
    ['act', 'healed after', 'replication after', 'keys intact', 'foreign keys', 'API requests per pod'],
    ['a  without the updater', never, '-', '-', String(a.foreignKeys), '-'],
    ['b  all pods at once', ...cells(b), '-', String(b.apiRequestsPerPod)],
    ['c  addresses swapped', ...cells(c), '-', String(c.apiRequestsPerPod)],
    ["d  stranger at a master's address", ...cells(d), String(d.foreignKeys), String(d.apiRequestsPerPod)],
    ...(baseline ? [['-  files rewritten by hand', ...cells(baseline), '-', '-']] : []),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function cells({ recovered, healMs, replicationMs, keys, keysIntact }: RestartResult): string[] {
  const healed = recovered ? seconds(healMs) : `not in ${seconds(healMs)}`;
  return [healed, recovered ? seconds(replicationMs) : '-', `${keysIntact} of ${keys}`];
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
