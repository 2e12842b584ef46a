/** The demo's command line. */
import { parseArgs } from 'node:util';
import { exitCodes, Failure } from '../../src/errors.ts';

const servers = ['redis-server', 'valkey-server'] as const;

export type Options = {
  /** Ends with one line of JSON. */
  json: boolean;
  /** Half of them masters, each with one replica. */
  nodes: number;
  server: (typeof servers)[number];
  /** Leaves volumes and logs for a look afterwards. */
  keep: boolean;
  /** Measures the same restart with every file rewritten by hand, too. */
  baseline: boolean;
};

/** Redis Cluster wants three masters at least. */
const FEWEST_NODES = 6;

/** @throws Failure 64 with one sentence that says what is wrong. */
export function readOptions(args: string[]): Options {
  const { json, nodes, server, keep, baseline } = parse(args);
  const count = Number(nodes);
  if (!Number.isInteger(count) || count < FEWEST_NODES || count % 2 !== 0)
    throw new Failure(
      exitCodes.usage,
      `--nodes ${nodes}: it takes an even number from ${FEWEST_NODES} on, half of it masters and half replicas.`,
    );
  const known = servers.find((name) => name === server);
  if (!known) throw new Failure(exitCodes.usage, `--server ${server}: it is ${servers.join(' or ')}.`);
  return { json, nodes: count, server: known, keep, baseline };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        json: { type: 'boolean', default: false },
        nodes: { type: 'string', default: String(FEWEST_NODES) },
        server: { type: 'string', default: servers[0] },
        keep: { type: 'boolean', default: false },
        baseline: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    const sentence = `${(cause as Error).message}. The options are --json, --nodes N, --server NAME, --keep and --baseline.`;
    throw new Failure(exitCodes.usage, sentence, { cause });
  }
}
