/** What the calls of an experiment come to, and the table of all: figures that do not depend on the machine. */
import type { Call } from './steady-load.ts';

/** How long the API server waits for an answer with the chart's own `webhook.timeoutSeconds`. */
const CHART_TIMEOUT_MS = 5_000;

/** Why a call may fail, or be slow, by the nature of the thing, in a few words; undefined: it may not. */
export type Excuse = (call: Call) => string | undefined;

export type Summary = {
  experiment: string;
  requests: number;
  /** Those that nothing excuses. */
  failures: Call[];
  /** The others, by their excuse. */
  excused: Map<string, Call[]>;
  /** The slowest call that nothing excuses, in medians of all such. */
  slowestInMedians: number;
  /** How many of these took longer than the chart lets the API server wait. */
  tooLate: number;
};

export function summarize(experiment: string, calls: readonly Call[], excuse: Excuse): Summary {
  const failed = calls.filter(({ outcome }) => outcome.kind === 'failed');
  const byExcuse = Map.groupBy(failed, (call) => excuse(call) ?? '');
  const failures = byExcuse.get('') ?? [];
  byExcuse.delete('');
  const inexcusable = calls.filter((call) => excuse(call) === undefined);
  const tookMs = inexcusable
    .map(({ sentAtMs, answeredAtMs }) => answeredAtMs - sentAtMs)
    .sort((a, b) => a - b);
  const [median = Number.NaN, slowest = Number.NaN] = [tookMs[tookMs.length >> 1], tookMs.at(-1)];
  return {
    experiment,
    requests: calls.length,
    failures,
    excused: byExcuse,
    slowestInMedians: slowest / median,
    tooLate: tookMs.filter((ms) => ms > CHART_TIMEOUT_MS).length,
  };
}

/** Lines of Markdown, as they stand in docs/availability.md. */
export function table(summaries: readonly Summary[]): string[] {
  return [
    '| meanwhile | requests | failures | slowest, in medians | slower than 5 s |',
    '|---|---|---|---|---|',
    ...summaries.map(({ experiment, requests, failures, excused, slowestInMedians, tooLate }) => {
      const others = [...excused].map(([excuse, calls]) => `; ${calls.length} ${excuse}`).join('');
      return `| ${experiment} | ${requests} | ${failures.length}${others} | ${slowestInMedians.toFixed(0)} | ${tooLate} |`;
    }),
  ];
}
