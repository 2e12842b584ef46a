/** The webhook's process: environment and signals in, an exit code out. */
import { pino } from 'pino';
import { exitCodes, Failure } from '../errors.ts';
import { readConfig } from './config.ts';
import { run } from './run.ts';

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.once('SIGINT', () => stop.abort());

try {
  const config = readConfig(process.env);
  await run(config, pino({ level: config.LOG_LEVEL }), stop.signal);
  // A watch that was being taken up again at this moment would keep the process alive.
  process.exit(exitCodes.ok);
} catch (error) {
  const expected = error instanceof Failure;
  pino().fatal(expected ? { exitCode: error.exitCode } : { err: error }, expected ? error.message : 'failed');
  process.exit(expected ? error.exitCode : 1);
}
