/**
 * `npm run bench`: what our work costs, as ratios to what has to be done anyway, measured in one run, since
 * times alone say more about the machine than about us. Sizes are in KB.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Bench } from 'tinybench';
import { parseNodeMap } from '../src/addresses/node-map.ts';
import { podFromApi } from '../src/addresses/pod.ts';
import { indexPods } from '../src/addresses/pod-index.ts';
import { resolve } from '../src/addresses/resolve.ts';
import { handle } from '../src/admission/handle.ts';
import { buildPrograms } from '../src/build.ts';
import { formatDocument, nodeLines, parseDocument } from '../src/nodes-conf/document.ts';
import { rewrite } from '../src/nodes-conf/rewrite.ts';

const NODES = 1000;

type Row = { what: string; value: string; anyway: string };
const rows: Row[] = [];

say('building both programs ...');
for (const [file, bytes] of Object.entries(await buildPrograms())) {
  rows.push({ what: `size of ${file}`, value: `${(bytes / 1024).toFixed(0)} KB`, anyway: '' });
}
say(`a nodes.conf of ${NODES} nodes ...`);
rows.push(...(await rewriteRows()));
say('admission reviews ...');
rows.push(...(await admissionRows()));
say('starting the updater ...');
rows.push(startRow());
console.table(rows);

/** The updater's pure work on a large cluster, against reading and writing its lines at all. */
async function rewriteRows(): Promise<Row[]> {
  const id = (index: number) => index.toString(16).padStart(40, '0');
  const ip = (index: number, net: number) => `10.${net}.${index >> 8}.${index & 255}`;
  const indexes = Array.from({ length: NODES }, (_, index) => index);
  const text = indexes
    .map(
      (index) =>
        `${id(index)} ${ip(index, 1)}:6379@16379 ${index ? '' : 'myself,'}master - 0 0 1 connected ${index}\n`,
    )
    .join('');
  const pods = indexes.map((index) =>
    podFromApi({
      metadata: {
        name: `redis-${index}`,
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', controller: true }],
      },
      status: { phase: 'Running', podIP: ip(index, 2) },
    }),
  );
  const data = Object.fromEntries(indexes.map((index) => [`redis-${index}`, id(index)]));
  const whole = () => {
    const parsed = parseDocument(text);
    if (parsed.kind !== 'document') throw new Error(parsed.kind);
    const lines = nodeLines(parsed.document).map(({ id, address }) => ({ id, ip: address.ip }));
    const knowledge = {
      map: parseNodeMap(data),
      pods: indexPods(pods),
      self: { podName: 'redis-0', ips: [ip(0, 2)] as [string] },
      outsideNodes: 'park',
    } as const;
    return formatDocument(rewrite(parsed.document, resolve(id(0), lines, knowledge)).document);
  };
  const lines = () =>
    text
      .split('\n')
      .map((line) => line.split(' ').join(' '))
      .join('\n');
  return [await ratio(`bring ${NODES} lines up to date`, whole, 'split and join the lines', lines)];
}

/** A whole admission, against parsing the review and printing the answer's size of JSON. */
async function admissionRows(): Promise<Row[]> {
  const file = 'test/fixtures/admission/bitnami/review.json';
  const text = readFileSync(file, 'utf8');
  const ports = { findStatefulSet: async () => undefined, listLimitRanges: async () => [] };
  const labelled = text.replace('"labels": {', '"labels": { "redis-ip-updater.io/inject": "true",');
  const admit = async () =>
    JSON.stringify(await handle(JSON.parse(labelled), ports, { image: 'updater', version: '0' } as never));
  const json = async () => JSON.stringify(JSON.parse(labelled));
  return [await ratio('admit a pod', admit, 'parse and print its review', json)];
}

async function ratio(
  what: string,
  ours: () => unknown,
  anywayWhat: string,
  anyway: () => unknown,
): Promise<Row> {
  const bench = new Bench({ time: 500 }).add('ours', ours).add('anyway', anyway);
  const [first, second] = await bench.run();
  const median = (task: typeof first) =>
    task?.result.state === 'completed' ? task.result.latency.p50 : Number.NaN;
  return { what, value: `${(median(first) / median(second)).toFixed(1)} x`, anyway: anywayWhat };
}

/** From process start to the refusal of an empty environment: what loading our code adds to Node itself. */
function startRow(): Row {
  const median = (args: string[]) => {
    const times = Array.from({ length: 15 }, () => {
      const startedAt = performance.now();
      spawnSync(process.execPath, args, { env: {} });
      return performance.now() - startedAt;
    });
    return times.sort((a, b) => a - b)[7] as number;
  };
  const value = `${(median(['dist/updater.js']) / median(['-e', '0'])).toFixed(1)} x`;
  return { what: 'start the updater', value, anyway: 'start node' };
}

function say(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}
