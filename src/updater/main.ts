/** The program of the init container: wires `run` to the real clock, files and API, and ends with its code. */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../errors.ts';
import { createHttpClient } from '../kubernetes/http-client.ts';
import { createNamespaceApi } from '../kubernetes/namespace-api.ts';
import { type Config, readConfig } from './config.ts';
import { createLog } from './log.ts';
import { run } from './run.ts';

/** Made by the kubelet in every container; its content becomes the `message` of the pod's status. */
const TERMINATION_LOG = '/dev/termination-log';

const log = createLog(
  (line) => process.stderr.write(line),
  () => new Date(),
);

try {
  await runWith(readConfig(process.env, process.argv.slice(2)));
} catch (error) {
  // Anything but a Failure is a bug of ours: say all of it.
  const sentence = error instanceof Failure ? error.message : String((error as Error).stack);
  log('error', sentence);
  await writeTerminationMessage(sentence);
  process.exitCode = error instanceof Failure ? error.exitCode : 1;
}

async function runWith(config: Config): Promise<void> {
  const client = createHttpClient({
    host: config.apiHost,
    port: config.apiPort,
    readToken: () => readFile(join(config.serviceAccountDir, 'token'), 'utf8'),
    readCa: () => readFile(join(config.serviceAccountDir, 'ca.crt'), 'utf8'),
  });
  const now = () => performance.now();
  const patience = { now, sleep, random: Math.random, log, deadlineAt: now() + config.deadlineMs };
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

/** Only where the file is there already: outside of a container we must not make one. */
async function writeTerminationMessage(sentence: string): Promise<void> {
  const file = await open(TERMINATION_LOG, 'r+').catch(() => null);
  await file?.writeFile(sentence).finally(() => file.close());
}
