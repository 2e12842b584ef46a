/** What the machine must have for the demo to run. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { exitCodes, Failure } from '../../src/errors.ts';

/** The program that talks to a server: redis-cli to redis-server, valkey-cli to valkey-server. */
export const clientOf = (server: string) => server.replace('-server', '-cli');

/**
 * Says which version of the server will run.
 * @throws Failure 69 with one sentence that says what is missing.
 */
export async function checkMachine(server: string): Promise<string> {
  const { stdout } = spawnSync(server, ['--version'], { encoding: 'utf8' });
  const [, version = ''] = /v=(\d+\.\d+\.\d+)/.exec(stdout ?? '') ?? [];
  const cli = spawnSync(clientOf(server), ['--version']);
  if (!version || cli.error)
    throw unavailable(
      `${server} and ${clientOf(server)} are needed and not installed: install the package that holds them.`,
    );
  // --bind-source-addr, without which every node would seem to call from 127.0.0.1, is of 7.0.
  if (Number.parseInt(version, 10) < 7)
    throw unavailable(`${server} here is version ${version}; the demo needs 7.0 or later.`);
  if (!(await canUse('127.77.0.1')))
    throw unavailable(
      'This machine lets no program listen on 127.77.0.1, an address of a pod here: use Linux.',
    );
  return version;
}

const unavailable = (sentence: string) => new Failure(exitCodes.unavailable, sentence);

async function canUse(host: string): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(0, host), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
