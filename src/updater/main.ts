/** The program of the init container: wires `run` to the real clock, files and API, and ends with its code. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../errors.ts';
import { createHttpClient } from '../kubernetes/http-client.ts';
import { createNamespaceApi } from '../kubernetes/namespace-api.ts';
import { type Config, readConfig } from './config.ts';
import { createLog } from './log.ts';
import { run } from './run.ts';
import { TERMINATION_LOG, writeTerminationMessage } from './termination-message.ts';

const log = createLog(
  (line) => process.stderr.write(line),
  () => new Date(),
);

// As process 1 of its container Node would ignore it, and a deleted pod would wait out its grace period.
process.once('SIGTERM', () => process.exit(143));

try {
  await runWith(readConfig(process.env, process.argv.slice(2)));
} catch (error) {
  // Anything but a Failure is a bug of ours: say all of it.
  const sentence = error instanceof Failure ? error.message : String((error as Error).stack);
  log('error', sentence);
  await writeTerminationMessage(TERMINATION_LOG, sentence);
  process.exitCode = error instanceof Failure ? error.exitCode : 1;
}

async function runWith(config: Config): Promise<void> {
  const now = () => performance.now();
  const deadlineAt = now() + config.deadlineMs;
  const client = createHttpClient({
    host: config.apiHost,
    port: config.apiPort,
    readToken: () => readFile(join(config.serviceAccountDir, 'token'), 'utf8'),
    readCa: () => readFile(join(config.serviceAccountDir, 'ca.crt'), 'utf8'),
    millisecondsLeft: () => deadlineAt - now(),
  });
  const patience = { now, sleep, random: Math.random, log, deadlineAt };
  try {
    await run(config, {
      api: createNamespaceApi(client, config.podNamespace, config.podName),
      patience,
      print: (text) => process.stdout.write(text),
    });
  } finally {
    client.close();
  }
}
