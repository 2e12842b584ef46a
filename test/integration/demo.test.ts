import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { isGone } from '../support/is-running.ts';
import { endWithUs, removeDirectory, temporaryDirectory } from '../support/leave-nothing.ts';

const SAMPLE_INTERVAL_MS = 200;

const directory = temporaryDirectory('demo-test-');
t.teardown(() => removeDirectory(directory));

/** A run of the demo with a temporary directory of its own. */
function start(name: string, args: string[], env: NodeJS.ProcessEnv = process.env) {
  const temporary = join(directory, name);
  mkdirSync(temporary);
  const child = endWithUs(
    spawn(process.execPath, ['test/demo/main.ts', ...args], {
      env: { ...env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const pids = new Set<number>();
  const sampling = setInterval(() => {
    for (const pid of childrenOf(child)) pids.add(pid);
  }, SAMPLE_INTERVAL_MS);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  ended.then(() => clearInterval(sampling));
  /** What is still there of it: its processes, and files of its own in the temporary directory. */
  const leftOver = async () => {
    const checked = await Promise.all([...pids].map(async (pid) => ((await isGone(pid)) ? [] : [pid])));
    return [...checked.flat(), ...readdirSync(temporary)];
  };
  return { child, ended, pids, leftOver };
}

function childrenOf({ pid }: ChildProcess): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

t.test('all acts end as they should, and nothing is left behind', async (t) => {
  const { child, ended, pids, leftOver } = start('whole', ['--json']);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  t.equal(await ended, 0, 'exit code', { output, errors });
  const results = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');
  const restart = {
    recovered: true,
    healMs: Number,
    replicationMs: Number,
    keys: 1000,
    keysIntact: 1000,
    apiRequestsPerPod: Number,
  };
  t.same(Object.keys(results), ['withoutUpdater', 'parallel', 'swapped', 'stranger']);
  t.match(results, {
    withoutUpdater: { recovered: false, waitedMs: Number, foreignKeys: Number },
    parallel: { ...restart, apiRequestsPerPod: 1 },
    swapped: restart,
    stranger: { ...restart, foreignKeys: 0 },
  });
  t.same(Object.keys(results.stranger), [...Object.keys(restart), 'foreignKeys']);
  t.ok(results.withoutUpdater.waitedMs >= 15_000);
  t.ok(results.withoutUpdater.foreignKeys > 0);
  t.ok(pids.size > 20, 'the processes were seen');
  t.same(await leftOver(), []);
});

t.test('Ctrl-C in the middle leaves nothing behind', async (t) => {
  const { child, ended, pids, leftOver } = start('interrupted', []);
  for await (const line of createInterface(child.stdout)) if (line.includes('Act a')) break;
  child.kill('SIGINT');
  t.equal(await ended, 130);
  t.ok(pids.size > 12, 'the processes were seen');
  t.same(await leftOver(), []);
});

t.test('what it cannot do it says in one sentence', async (t) => {
  const odd = start('odd', ['--nodes', '7']);
  t.match(await text(odd.child.stderr), /^--nodes 7: it takes an even number[^\n]*\n$/);
  t.equal(await odd.ended, 64);
  const bare = start('bare', [], { PATH: '/nowhere' });
  t.match(await text(bare.child.stderr), /^redis-server and redis-cli are needed[^\n]*\n$/);
  t.equal(await bare.ended, 69);
});
