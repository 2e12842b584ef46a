/**
 * Runs the checks and test tiers named on the command line, in that order, and ends with the plain line
 * `N passed, N failed` that CI systems read: assertions of the tests, plus one for each check.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { Parser, type Result } from 'tap-parser';

type Count = { passed: number; failed: number };

/** Seconds that one file of a tier may take before tap gives up on it. */
const tiers: Record<string, { files: string[]; timeoutSeconds: number; jobs: number }> = {
  unit: { files: unitFiles(), timeoutSeconds: 60, jobs: 2 },
  // These start real servers and measure nothing: one after another keeps a small machine honest.
  integration: { files: globSync('test/integration/**/*.test.ts'), timeoutSeconds: 600, jobs: 1 },
};

const total: Count = { passed: 0, failed: 0 };
for (const name of process.argv.slice(2)) {
  const tier = tiers[name];
  const startedAt = performance.now();
  process.stdout.write(`\n== ${name}\n`);
  const count = tier ? await runTier(tier) : await runCheck(name);
  total.passed += count.passed;
  total.failed += count.failed;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`== ${name}: ${count.passed} passed, ${count.failed} failed, ${seconds} s\n`);
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

function unitFiles(): string[] {
  return globSync('test/**/*.test.ts', {
    exclude: ['test/integration/**', 'test/cluster/**', 'test/fixtures/**'],
  });
}

/** A check is an npm script: it passes or fails as a whole. */
async function runCheck(script: string): Promise<Count> {
  const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'inherit', 'inherit'] });
  const status = await ended(child);
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function runTier({ files, timeoutSeconds, jobs }: (typeof tiers)[string]): Promise<Count> {
  const child = spawn(
    'tap',
    ['run', '--reporter=tap', `--timeout=${timeoutSeconds}`, `--jobs=${jobs}`, ...files.sort()],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const count: Count = { passed: 0, failed: 0 };
  const parser = new Parser();
  parser.on('child', (file) => {
    file.on('complete', () => process.stdout.write(`   ${file.ok ? 'ok  ' : 'FAIL'} ${file.name}\n`));
  });
  parser.on('result', (assertion) => countAssertion(assertion, count));
  const parsed = new Promise((resolve) => parser.on('complete', resolve));
  child.stdout.pipe(parser);
  const status = await ended(child);
  await parsed;
  // A file that crashes or hangs may fail without a failed assertion of its own.
  if (status !== 0 && count.failed === 0) count.failed = 1;
  return count;
}

/** Counts one leaf assertion; a skipped one counts as failed. A failure prints what tap knows about it. */
function countAssertion(assertion: Result, count: Count): void {
  if (assertion.ok && !assertion.skip && !assertion.todo) {
    count.passed += 1;
    return;
  }
  count.failed += 1;
  process.stdout.write(`\nnot ok: ${assertion.fullname} > ${assertion.name}\n`);
  if (assertion.diag) process.stdout.write(`${JSON.stringify(assertion.diag, null, 2)}\n`);
}

function ended(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
}
