import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import t from 'tap';
import { isGone } from './is-running.ts';

/** A program that starts a process, makes a directory, tells both, and then ends in the way of the test. */
const program = (ending: string) => `
  import { spawn } from 'node:child_process';
  import { endWithUs, temporaryDirectory } from '${new URL('leave-nothing.ts', import.meta.url)}';
  const child = endWithUs(spawn('sleep', ['1000']));
  console.log(JSON.stringify({ pid: child.pid, directory: temporaryDirectory('leave-nothing-') }));
  ${ending}
`;

const endings: [string, string, number, NodeJS.Signals?][] = [
  ['by itself', 'process.exit(0)', 0],
  ['by an error that nobody caught', "setTimeout(() => { throw new Error('bug') }, 1)", 1],
  ['by SIGINT', 'setInterval(() => 0, 1000)', 130, 'SIGINT'],
  ['by SIGTERM', 'setInterval(() => 0, 1000)', 143, 'SIGTERM'],
  ['by SIGHUP', 'setInterval(() => 0, 1000)', 129, 'SIGHUP'],
];
for (const [how, ending, wanted, signal] of endings)
  t.test(`a program that ends ${how} leaves nothing`, async (t) => {
    const args = ['--input-type=module', '-e', program(ending)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const { value } = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
    const { pid, directory } = JSON.parse(value ?? '');
    if (signal) child.kill(signal);
    t.equal(await exited, wanted);
    t.ok(await isGone(pid), 'the process is gone');
    t.notOk(existsSync(directory), 'the directory is gone');
  });
