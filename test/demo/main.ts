/**
 * `npm run demo`: a real Redis Cluster loses every address at once, first without the updater, then with it.
 * Real are redis, the webhook and the updater; Kubernetes is played by the stand-ins of test/support.
 */
import { buildPrograms } from '../../src/build.ts';
import { Failure } from '../../src/errors.ts';
import { removeDirectory, temporaryDirectory } from '../support/leave-nothing.ts';
import { parallel, stranger, swapped, withoutUpdater } from './acts.ts';
import { byHand } from './baseline.ts';
import { type Options, readOptions } from './options.ts';
import { checkMachine, clientOf } from './preconditions.ts';
import { KEYS, RedisCluster } from './redis-cluster.ts';
import { type Stage, setStage } from './stage.ts';
import { type Results, shortcomings, table } from './summary.ts';
import { createTimeline } from './timeline.ts';

const print = (line: string) => process.stdout.write(`${line}\n`);

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)));
} catch (error) {
  fail(error);
}

async function main(options: Options): Promise<number> {
  const timeline = createTimeline(print);
  const { nodes, server } = options;
  const version = await checkMachine(server);
  timeline.title(`Setting the stage: ${server} ${version}, ${nodes} nodes per cluster`);
  const directory = temporaryDirectory('redis-ip-updater-demo-', options);
  if (options.keep) timeline.say(`volumes and logs stay in ${directory}`);
  await buildPrograms();
  timeline.say('webhook and updater are built');
  const redis = { server: [server], cli: [clientOf(server)], major: Number.parseInt(version, 10) };
  const stage = await setStage({ nodes, redis }, directory, timeline, fail);
  timeline.say('the Kubernetes API of this demo and the real webhook are running');
  const results = await play(stage, options);
  await stage.close();
  if (!options.keep) removeDirectory(directory);
  return conclude(results, options);
}

async function play(stage: Stage, { baseline }: Options): Promise<Results> {
  const { timeline } = stage;
  const [plain, guarded] = [new RedisCluster(stage, 'plain'), new RedisCluster(stage, 'guarded')];
  const stop = timeline.during(
    () => `redis-cli joins the clusters; ${KEYS} keys are written, replicas catch up`,
  );
  await Promise.all([plain.create(), guarded.create()]);
  stop();
  timeline.say(`two clusters are up, in the namespaces plain and guarded, with ${KEYS} keys each`);

  timeline.title('Act a: the namespace plain has not opted in');
  const resultA = await withoutUpdater(stage, plain);
  await plain.remove();

  timeline.title('Act b: the namespace guarded opts in, then loses all pods at once');
  const resultB = await parallel(stage, guarded);
  timeline.title('Act c: all pods at once again, and the addresses are swapped among them');
  const resultC = await swapped(stage, guarded);
  timeline.title("Act d: a stranger has got a master's old address, and that master comes back last");
  const resultD = await stranger(stage, guarded);
  guarded.disconnect();

  const results = { withoutUpdater: resultA, parallel: resultB, swapped: resultC, stranger: resultD };
  return baseline ? { ...results, baseline: await playBaseline(stage) } : results;
}

async function playBaseline(stage: Stage): Promise<Results['parallel']> {
  stage.timeline.title('The yardstick: the same restart, every file rewritten by hand');
  const cluster = new RedisCluster(stage, 'by-hand');
  const stop = stage.timeline.during(() => 'another cluster is made');
  await cluster.create();
  stop();
  const result = await byHand(stage, cluster);
  cluster.disconnect();
  return result;
}

function conclude(results: Results, { json }: Options): number {
  const wrong = shortcomings(results);
  print('');
  for (const line of table(results)) print(line);
  print('');
  print(wrong.length === 0 ? 'All ended as it should.' : `NOT as it should: ${wrong.join('; ')}.`);
  if (json) print(JSON.stringify(results));
  return wrong.length === 0 ? 0 : 1;
}

/** The end of everything: whatever still runs is ended by leave-nothing. */
function fail(error: unknown): never {
  const expected = error instanceof Failure;
  process.stderr.write(
    `${expected ? error.message : `The demo failed: ${(error as Error).stack ?? error}`}\n`,
  );
  process.exit(expected ? error.exitCode : 1);
}
