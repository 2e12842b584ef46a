/**
 * Runs the checks, test tiers and test files named on the command line, in that order, and ends with the plain line
 * `N passed, N failed` that CI systems read: assertions of the tests, plus one for each check.
 *
 * A tap test is a program that prints TAP, so each file runs as one, directly: the loaders that `tap run` puts
 * under it (module mocks, coverage) are not used here and cost more than most of our files take.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { Parser, type Result } from 'tap-parser';
import { exitCodes } from '../src/errors.ts';
import { VERSION_VARIABLE, VERSIONS } from './cluster/kubernetes/tested-version.ts';

type Count = { passed: number; failed: number };
type Tier = {
  files: string[];
  timeoutSeconds: number;
  jobs: number;
  /** The tier of test/cluster/kubernetes/prepare.ts that has to be ready first. */
  needs?: string;
  /** Each file runs once on each of these. */
  kubernetes?: readonly string[];
};

/** One after another: these start real servers, and a small machine must stay honest. */
const jobs = 1;
/** Of src/kubernetes and of the stand-ins: whoever talks over a network waits for real timeouts and back-offs. */
const SLOW = ['test/kubernetes/*.test.ts', 'test/support/**/*.test.ts'];
const tiers: Record<string, Tier> = {
  unit: {
    files: globSync('test/**/*.test.ts', {
      exclude: ['test/integration/**', 'test/cluster/**', 'test/fixtures/**', ...SLOW],
    }),
    timeoutSeconds: 120,
    jobs: 3,
  },
  integration: {
    files: globSync([...SLOW, 'test/integration/{,certificates/,model/}*.test.ts']),
    timeoutSeconds: 900,
    jobs,
  },
  'integration-volume': {
    files: globSync('test/integration/volume/*.test.ts'),
    timeoutSeconds: 900,
    jobs,
    needs: 'volume',
  },
  'integration-kubernetes': {
    files: globSync('test/integration/kubernetes/*.test.ts'),
    timeoutSeconds: 900,
    jobs,
    needs: 'integration',
    kubernetes: VERSIONS,
  },
  'integration-versions': {
    files: globSync('test/integration/versions/*.test.ts'),
    timeoutSeconds: 900,
    jobs,
    needs: 'servers',
  },
  cluster: {
    files: clusterFiles(),
    timeoutSeconds: 1800,
    jobs,
    needs: process.env.KUBECONFIG ? 'existing-cluster' : 'cluster',
  },
};

/** Compiled once, not for each file: saves a third of what a short file takes. */
const COMPILE_CACHE = 'node_modules/.cache/compiled';

const total: Count = { passed: 0, failed: 0 };
for (const name of process.argv.slice(2)) {
  const tier = tiers[name] ?? tierOfFile(name);
  const startedAt = performance.now();
  process.stdout.write(`\n== ${name}\n`);
  const count = tier ? await runTierIfReady(name, tier) : await runCheck(name);
  total.passed += count.passed;
  total.failed += count.failed;
  process.stdout.write(
    `== ${name}: ${count.passed} passed, ${count.failed} failed, ${seconds(startedAt)} s\n`,
  );
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** On a cluster that is there already, of which KUBECONFIG tells, what asks nothing of its nodes and network. */
function clusterFiles(): string[] {
  const everywhere = ['first-restart', 'restarts'];
  return globSync(
    process.env.KUBECONFIG
      ? everywhere.map((name) => `test/cluster/${name}.test.ts`)
      : 'test/cluster/*.test.ts',
  );
}

/** A file alone needs what its tier needs. */
function tierOfFile(file: string): Tier | undefined {
  const tier = Object.values(tiers).find(({ files }) => files.includes(file));
  return tier && { ...tier, files: [file] };
}

/** A check is an npm script: it passes or fails as a whole. */
async function runCheck(script: string): Promise<Count> {
  if (script.endsWith('.ts')) {
    process.stdout.write(`   no tier has a test file ${script}: see \`ls test\`\n`);
    return { passed: 0, failed: 1 };
  }
  const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'inherit', 'inherit'] });
  return (await ended(child)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * A tier whose needs (Go, root, strace) this machine does not meet is left out with the sentence that says what is
 * missing; under CI that is a failure, as is a tier without files.
 */
async function runTierIfReady(name: string, tier: Tier): Promise<Count> {
  if (tier.files.length === 0) return { passed: 0, failed: 1 };
  if (!tier.needs) return runTier(tier);
  const prepare = ['test/cluster/kubernetes/prepare.ts', tier.needs];
  const status = await ended(spawn(process.execPath, prepare, { stdio: ['ignore', 'inherit', 'inherit'] }));
  if (status === 0) return runTier(tier);
  const isLeftOut = status === exitCodes.unavailable && !process.env.CI;
  process.stdout.write(
    `   the tier ${name} ${isLeftOut ? 'is left out' : 'cannot run'}: see the sentence above\n`,
  );
  return { passed: 0, failed: isLeftOut ? 0 : 1 };
}

/** Runs the files of a tier, `jobs` at a time. */
async function runTier({ files, timeoutSeconds, jobs, kubernetes = [] }: Tier): Promise<Count> {
  const count: Count = { passed: 0, failed: 0 };
  const versions = kubernetes.length > 0 ? kubernetes : [undefined];
  const waiting = versions.flatMap((version) => files.sort().map((file) => ({ file, version })));
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const startedAt = performance.now();
      const { file, version } = next;
      const { passed, failed } = await runFile(file, timeoutSeconds, version);
      const on = version ? `, on Kubernetes ${version}` : '';
      process.stdout.write(`   ${failed === 0 ? 'ok  ' : 'FAIL'} ${file} (${seconds(startedAt)} s${on})\n`);
      count.passed += passed;
      count.failed += failed;
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return count;
}

async function runFile(file: string, timeoutSeconds: number, kubernetes?: string): Promise<Count> {
  const count: Count = { passed: 0, failed: 0 };
  const version = kubernetes && { [VERSION_VARIABLE]: kubernetes };
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...version,
      TAP: '1',
      TAP_TIMEOUT: String(timeoutSeconds),
      NODE_COMPILE_CACHE: COMPILE_CACHE,
    },
    timeout: (timeoutSeconds + 10) * 1000,
    // One that is stuck in its own code hears nothing else.
    killSignal: 'SIGKILL',
  });
  const parser = new Parser();
  parser.on('result', (assertion) => countAssertion(file, assertion, count));
  printComments(parser);
  const parsed = new Promise((resolve) => parser.on('complete', resolve));
  child.stdout.pipe(parser);
  const status = await ended(child);
  await parsed;
  if (count.failed === 0 && (status !== 0 || !parser.ok || count.passed === 0)) {
    count.failed = 1;
    process.stdout.write(`\nnot ok: ${file} ended with status ${status} after ${count.passed} assertions\n`);
  }
  return count;
}

/** What tests tell besides their results: counts and measurements. Not what tap itself adds to every test. */
function printComments(parser: Parser): void {
  parser.on('comment', (comment) => {
    if (!/^# (Subtest\b|time=|\{ total|(pass|fail|skip|todo|total|failed)\b)/.test(comment.trim()))
      process.stdout.write(`   ${comment.trim()}\n`);
  });
  parser.on('child', printComments);
}

/** Counts one leaf assertion; a skipped one counts as failed. A failure prints what tap knows about it. */
function countAssertion(file: string, assertion: Result, count: Count): void {
  if (assertion.ok && !assertion.skip && !assertion.todo) {
    count.passed += 1;
    return;
  }
  count.failed += 1;
  process.stdout.write(`\nnot ok: ${file} > ${assertion.fullname} > ${assertion.name}\n`);
  if (assertion.diag) process.stdout.write(`${JSON.stringify(assertion.diag, null, 2)}\n`);
}

function ended(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
