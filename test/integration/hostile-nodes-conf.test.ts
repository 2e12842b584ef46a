/**
 * 100,000 hostile files: all through our code, and of each behaviour at least one through the whole updater on a real
 * file, and before and after it into a real server. What the server reads from a file that it accepts must still be
 * in the file that we made of it; what we refuse must be untouched.
 */
import { deepStrictEqual, strictEqual } from 'node:assert';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { podFromApi } from '../../src/addresses/pod.ts';
import { exitCodes, Failure } from '../../src/errors.ts';
import { nodeLines } from '../../src/nodes-conf/document.ts';
import { run } from '../../src/updater/run.ts';
import { documentOf } from '../nodes-conf/case.ts';
import { hostileFile, type World } from '../nodes-conf/hostile/files.ts';
import { type Judged, judge } from '../nodes-conf/hostile/judge.ts';
import { freeRedisPort } from '../support/free-port.ts';
import { removeDirectory, temporaryDirectory } from '../support/leave-nothing.ts';
import { loadNodesConf, type Place } from './load-nodes-conf.ts';
import { peerIps, topology } from './saved-topology.ts';

const FILES = 100_000;
/** Of the files that we accept and whose classes are known, one in so many goes to the servers as well. */
const ONE_IN = 100;
/** Every run sees the same files; set HOSTILE_SEED to see others. */
const seed = Number(process.env.HOSTILE_SEED ?? 6);

t.test('every file holds what we promise, or is refused', async (t) => {
  const { files, accepted, classes, samples } = judgeAll();
  t.comment(
    `seed ${seed}: ${files} files, ${accepted} accepted, ${files - accepted} refused or empty, ${classes} classes of behaviour`,
  );
  t.equal(files, FILES);
  t.ok(accepted > FILES / 4 && accepted < FILES * (3 / 4), 'neither all nor none are accepted');
  t.ok(samples.length >= 1000, `${samples.length} samples`);

  await t.test(
    'the updater leaves a file that it refuses, and makes of others what was judged',
    async (t) => {
      let refused = 0;
      for (const sample of samples) refused += Number(await updates(sample));
      t.comment(`${samples.length} files through the updater, ${refused} refused`);
      t.ok(refused > 100);
    },
  );

  await t.test('what a server reads from a file, it reads from ours', async (t) => {
    const counts = await compareInServers(t, samples);
    t.comment(`servers started: ${JSON.stringify(counts)}`);
    t.ok(counts.acceptedByBoth >= 300, 'enough files mean something to this server');
  });
});

/** All files; kept are those that show a class of behaviour which no file before them showed, and some more. */
function judgeAll() {
  const classes = new Set<string>();
  const samples: Judged[] = [];
  const counts = { files: 0, accepted: 0 };
  const property = fc.property(hostileFile, (file) => {
    const judged = judge(file);
    counts.files += 1;
    counts.accepted += Number(judged.accepted !== null);
    const isKnown = judged.classes.every((name) => classes.has(name));
    if (isKnown && !(judged.accepted && counts.accepted % ONE_IN === 0)) return;
    for (const name of judged.classes) classes.add(name);
    samples.push(judged);
  });
  fc.assert(property, { seed, numRuns: FILES });
  return { ...counts, classes: classes.size, samples };
}

/** One file through the updater's own program; true if it was refused. */
async function updates({ text, accepted }: Judged): Promise<boolean> {
  const directory = temporaryDirectory('hostile-');
  const nodesConf = join(directory, 'nodes.conf');
  const nodesMap = join(directory, 'map');
  mkdirSync(nodesMap);
  writeFileSync(nodesConf, text, 'latin1');
  const world = accepted?.world ?? {
    map: {},
    pods: [],
    self: { podName: 'redis-self', podIps: ['10.9.8.0'] },
  };
  for (const [name, id] of Object.entries(world.map)) writeFileSync(join(nodesMap, name), id);
  const failure = await runIn(world, { nodesConf, nodesMap, nodesConfVolume: directory }).then(
    () => null,
    (error) => error,
  );
  const now = readFileSync(nodesConf, 'latin1');
  removeDirectory(directory);
  strictEqual(now, accepted?.after ?? text);
  if (accepted || text === '') strictEqual(failure, null);
  else deepStrictEqual([failure instanceof Failure, failure.exitCode], [true, exitCodes.refused]);
  return failure !== null;
}

type Paths = { nodesConf: string; nodesMap: string; nodesConfVolume: string };

async function runIn({ map, pods, self }: World, paths: Paths): Promise<void> {
  const { podName, podIps } = self;
  await run(
    {
      ...paths,
      podName,
      podIps,
      podNamespace: 'shop',
      serviceAccountDir: '/none',
      apiHost: 'none',
      apiPort: 443,
      onFailure: 'block',
      onLostVolume: 'refuse',
      outsideNodes: 'park',
      deadlineMs: 1000,
      dryRun: false,
    },
    {
      api: {
        listPods: async () => pods.map(podFromApi),
        ownIps: async () => podIps,
        readMap: async () => map,
        writeOwnEntry: async () => map,
      },
      patience: {
        now: () => 0,
        deadlineAt: 1,
        random: () => 0,
        log: () => {},
        sleep: async () => {},
      },
      print: () => {},
    },
  );
}

/** Each sample's file before and after, in servers of their own; one at a time on each core. */
async function compareInServers(t: Test, samples: readonly Judged[]) {
  const counts = {
    starts: 0,
    acceptedByBoth: 0,
    refusedByServerAlone: 0,
    refusedByUsAlone: 0,
    refusedByBoth: 0,
  };
  const waiting = samples.filter(({ text }) => text !== '');
  const work = async (_: unknown, index: number) => {
    const place = { host: `127.82.0.${index + 1}`, port: await freeRedisPort() };
    for (let sample = waiting.pop(); sample; sample = waiting.pop()) {
      counts[await compare(t, sample, place)] += 1;
      counts.starts += 1 + Number(sample.accepted !== null && sample.accepted.after !== sample.text);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return counts;
}

/** What a server makes of both files, and of the addresses that we wrote. */
async function compare(t: Test, { text, accepted }: Judged, place: Place) {
  const before = await loadNodesConf(text, place);
  if (!accepted) return before ? 'refusedByUsAlone' : 'refusedByBoth';
  if (!before) return 'refusedByServerAlone';
  const after = await loadNodesConf(accepted.after, place);
  if (!after) t.fail('we made a file that the server refuses', { text, after: accepted.after });
  else {
    t.strictSame(topology(after.saved, accepted.after), topology(before.saved, text), 'the same cluster', {
      text,
      ...accepted,
    });
    t.strictSame(
      readIps(after.saved, accepted.after),
      writtenIps(accepted.after),
      'at the addresses that we wrote',
      { text, ...accepted },
    );
  }
  return 'acceptedByBoth';
}

/** Node id -> IP of each peer with a line in our file; where an id stands on two lines, servers go by the last one. */
function writtenIps(after: string): Record<string, string> {
  const { lines, myself } = documentOf(after);
  const peers = nodeLines({ lines }).filter(
    ({ id, flags }) => id !== myself.id && !flags.includes('handshake'),
  );
  return Object.fromEntries(peers.map(({ id, address }) => [id, address.ip]));
}

/** The same of what the server read. */
function readIps(saved: string, after: string): Record<string, string> {
  const written = writtenIps(after);
  return Object.fromEntries(Object.entries(peerIps(saved)).filter(([id]) => id in written));
}
