/**
 * The updater, the real program, before a real API server that a proxy spoils: every fault at each of its requests,
 * for a while and for ever.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { buildPrograms } from '../../../src/build.ts';
import { namespaceObjects } from '../../../src/provisioning/objects.ts';
import { startControlPlane } from '../../cluster/kubernetes/control-plane.ts';
import { testedVersion, VERSIONS } from '../../cluster/kubernetes/tested-version.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { statefulSet } from '../../provisioning/builders.ts';
import {
  cut,
  type Fault,
  hangs,
  huge,
  notTheApi,
  RETRY_AFTER_SECONDS,
  redirect,
  resets,
  status,
  tooMany,
  untrusted,
} from '../../support/fault-proxy/faults.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy/proxy.ts';
import { inLanes } from '../../support/lanes.ts';
import { NAMESPACE, runUpdater, scene } from '../updater-program.ts';

/** A first restart: the map does not know us. Each fault comes in place of one of these. */
const REQUESTS = ['list', 'get', 'patch', 'second list'] as const;
type Target = (typeof REQUESTS)[number];

/** Times that a fault comes before it heals. */
const TIMES = 2;
/**
 * For what never heals. On a busy machine a run may not come to its request, or not fail there twice, in that time:
 * then it is given twice as long, up to the limit.
 */
const SHORT_DEADLINE_SECONDS = 6;
const SHORT_DEADLINE_LIMIT_SECONDS = 100;
/** The pauses are at least 50, 100, 200, 400, 800, 1600 and then 2500 ms. */
const attemptsAtMost = (seconds: number) => 8 + seconds / 2.5;
/** Longer than an attempt that hangs for 15 s, and whatever a busy machine needs. */
const LONG_DEADLINE_SECONDS = 120;
/** What a busy machine may add to the deadline; less than what is left of an attempt's 15 s. */
const SLACK_MS = 8_000;
/** Runs at once. */
const LANES = Array.from({ length: 16 });

/** At its end the program says what it held in memory at most, in KiB; it writes nothing else to its stdout. */
const PEAK_TO_STDOUT =
  'data:text/javascript,process.on("exit",()=>process.stdout.write(String(process.resourceUsage().maxRSS)))';
/** Answers of 32 MB, read to their end, would be 89 to 105 MiB more than small ones; of 4 MB, 16 to 46 MiB. */
const PEAK_ABOVE_OTHERS_AT_MOST_MIB = 70;

/** What a person reads. */
const sentences = {
  token: /does not accept the pod's token/,
  binding: /RoleBinding redis-ip-updater/,
  'map missing': /ConfigMap redis-ip-updater-nodes is missing/,
  'not the API': /what answers is not this cluster's API server/,
  network: /likely causes are a network policy .* service mesh .* or overloaded/,
};
type Sentence = keyof typeof sentences;

type Row = {
  fault: Fault;
  exit?: 69 | 77;
  sentence: Sentence | ((target: Target) => Sentence);
  /** An attempt ends with its own time limit. */
  hangs?: boolean;
  /** What the server asked for lies between two attempts. */
  waitsSeconds?: number;
  /** An attempt at a list is up to four requests: it starts over, or comes in smaller pages. */
  splitsLists?: boolean;
};

const isMap = (target: Target) => target === 'get' || target === 'patch';

function rows(elsewhere: string): Row[] {
  const { chunk, length } = cut;
  const { beforeHeaders, inBody } = hangs;
  return [
    { fault: beforeHeaders, sentence: 'network', hangs: true },
    { fault: inBody, sentence: 'network', hangs: true },
    { fault: status(401), exit: 77, sentence: 'token' },
    { fault: status(403), exit: 77, sentence: 'binding' },
    { fault: status(404), sentence: (target) => (isMap(target) ? 'map missing' : 'network') },
    ...[409, 500, 503, 504].map((code): Row => ({ fault: status(code), sentence: 'network' })),
    { fault: status(410), sentence: 'network', splitsLists: true },
    { fault: tooMany.plain, sentence: 'network' },
    { fault: tooMany.atOnce, sentence: 'network' },
    { fault: tooMany.seconds, sentence: 'network', waitsSeconds: RETRY_AFTER_SECONDS },
    // Dates have whole seconds: the two of an answer may be one less apart.
    { fault: tooMany.date, sentence: 'network', waitsSeconds: RETRY_AFTER_SECONDS - 1 },
    { fault: resets, sentence: 'network' },
    { fault: chunk, sentence: 'network' },
    { fault: length, sentence: 'network' },
    { fault: huge, sentence: 'not the API', splitsLists: true },
    ...Object.values(notTheApi).map((fault): Row => ({ fault, sentence: 'not the API' })),
    { fault: redirect(302, elsewhere), sentence: 'not the API' },
    { fault: redirect(307, elsewhere), sentence: 'not the API' },
    { fault: untrusted, sentence: 'not the API' },
  ];
}

const plane = await startControlPlane();
t.teardown(() => plane.stop());
const { api } = plane;
const proxies: FaultProxy[] = [];
t.teardown(() => Promise.all(proxies.map((proxy) => proxy.close())));

async function proxyOf(fault: Fault): Promise<FaultProxy> {
  const closesConnections = fault.at === 'handshake';
  const proxy = await startFaultProxy({ target: plane, closesConnections });
  proxies.push(proxy);
  return proxy;
}

/** Trusted like the API server: if anybody follows, it is seen. */
const elsewhere = await proxyOf(untrusted);
const table = rows(elsewhere.url);

const isNewest = testedVersion === VERSIONS.at(-1);

type Mode = 'heals' | 'for ever' | 'continue';
type Case = { row: Row; target: Target; mode: Mode; pod: number };

/**
 * Every fault at every request in both ways; and what `on-failure: continue` makes of it, at the last one. What never
 * heals is the proxy's doing, whatever the API server's version.
 */
const cases: Case[] = table
  .flatMap((row) => [
    ...REQUESTS.map((target): Omit<Case, 'pod'> => ({ row, target, mode: 'heals' })),
    ...(isNewest ? REQUESTS : []).map((target): Omit<Case, 'pod'> => ({ row, target, mode: 'for ever' })),
    ...(isNewest ? (['second list'] as const) : []).map(
      (target): Omit<Case, 'pod'> => ({ row, target, mode: 'continue' }),
    ),
  ])
  // redis-0 and redis-1 are everybody's peers.
  .map((it, index) => ({ ...it, pod: index + 2 }));

const idOf = (pod: number) => pod.toString(16).padStart(40, '0');
const ipOf = (pod: number) => `10.64.${Math.floor(pod / 250)}.${1 + (pod % 250)}`;

/** The namespace as the reconciler leaves it, and a pod for each case, as the StatefulSet controller makes it. */
async function setTheStage(): Promise<void> {
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}`;
  const objects = namespaceObjects({ namespace: NAMESPACE, serviceAccounts: [], imagePullSecrets: [] });
  await api.request('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  await api.request('POST', `${core}/serviceaccounts`, objects.serviceAccount);
  await api.request('POST', `${rbac}/roles`, objects.role);
  await api.request('POST', `${rbac}/rolebindings`, objects.roleBinding);
  const data = { 'redis-0': idOf(0), 'redis-1': idOf(1) };
  await api.request('POST', `${core}/configmaps`, { ...objects.configMap, data });
  const count = cases.length + 2;
  const podLabels = { 'redis-ip-updater.io/injected': 'true' };
  const { metadata, spec } = statefulSet('redis', {
    account: 'redis-ip-updater',
    replicas: count,
    podLabels,
    labels: {},
  });
  await api.request('POST', `/apis/apps/v1/namespaces/${NAMESPACE}/statefulsets`, {
    metadata: { name: metadata?.name },
    spec: { ...spec, podManagementPolicy: 'Parallel' },
  });
  await until(`${count} pods`, 120_000, async () => {
    const { items } = await api.request('GET', `${core}/pods`);
    return items.length === count;
  });
  const mergePatch = 'application/merge-patch+json';
  await inLanes(LANES, Array(count).keys(), async (_, pod) => {
    const podIP = ipOf(pod);
    const status = { phase: 'Pending', podIP, podIPs: [{ ip: podIP }] };
    await api.request('PATCH', `${core}/pods/redis-${pod}/status`, { status }, mergePatch);
  });
}

const fileOf = (own: string, pod: number, peers: readonly [string, string]) =>
  [
    `${idOf(pod)} ${own}:6379@16379 myself,master - 0 0 1 connected 0-16383`,
    `${idOf(0)} ${peers[0]}:6379@16379 slave ${idOf(pod)} 0 0 1 connected`,
    `${idOf(1)} ${peers[1]}:6379@16379 slave ${idOf(pod)} 0 0 1 connected`,
    'vars currentEpoch 6 lastVoteEpoch 0\n',
  ].join('\n');
const STALE: [string, string] = ['10.0.0.2', '10.0.0.3'];
const before = (pod: number) => fileOf('10.0.0.1', pod, STALE);
const healed = (pod: number) => fileOf(ipOf(pod), pod, [ipOf(0), ipOf(1)]);
const ownAlone = (pod: number) => fileOf(ipOf(pod), pod, STALE);

const isOutOfTime = (text: string) => /no answer within/.test(text);

type Result = Case & {
  peakMiB: number;
  spoilt: number;
  exit: number | null;
  says: string;
  problems: string[];
  /** The deadline came before the second failure. */
  wasTooShort: boolean;
};

async function run(it: Case): Promise<Result> {
  if (it.mode === 'heals') return runOnce(it, LONG_DEADLINE_SECONDS);
  for (let seconds = SHORT_DEADLINE_SECONDS; ; seconds *= 2) {
    const result = await runOnce(it, seconds);
    if (!result.wasTooShort || seconds * 2 > SHORT_DEADLINE_LIMIT_SECONDS) return result;
    await forget(it.pod);
  }
}

/** As if the pod had never started. */
async function forget(pod: number): Promise<void> {
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps/redis-ip-updater-nodes`;
  await api.request('PATCH', path, { data: { [`redis-${pod}`]: null } }, 'application/merge-patch+json');
}

async function runOnce({ row, target, mode, pod }: Case, deadlineSeconds: number): Promise<Result> {
  const { fault, exit = 69, sentence, hangs = false, waitsSeconds = 0, splitsLists = false } = row;
  const proxy = await proxyOf(fault);
  const at = REQUESTS.indexOf(target);
  const times = hangs ? 1 : TIMES;
  proxy.inject({ fault, ...(mode === 'heals' && { times }), when: () => proxy.served() === at });

  const directory = join(stageDirectory, `${pod}-${deadlineSeconds}`);
  mkdirSync(directory);
  const { url, caPem: ca, adminToken } = plane;
  const stage = await scene({ url, ca, adminToken, host: proxy.host, port: proxy.port }, directory, {
    nodesConf: before(pod),
  });
  writeFileSync(join(directory, 'token/ca.crt'), proxy.ca);
  const env = {
    ...stage.env,
    POD_NAME: `redis-${pod}`,
    POD_IP: ipOf(pod),
    POD_IPS: ipOf(pod),
    DEADLINE_SECONDS: String(deadlineSeconds),
    ...(mode === 'continue' && { ON_FAILURE: 'continue' }),
  };
  const ended = await runUpdater({
    directory,
    env,
    program: join(stageDirectory, 'updater.js'),
    nodeArguments: [`--import=${PEAK_TO_STDOUT}`],
  });

  const problems: string[] = [];
  const want = (isRight: boolean, what: string) => void (isRight || problems.push(what));
  const spoilt = proxy.seen.filter((request) => request.spoilt);
  const gaps = spoilt.slice(1).map(({ atMs }, index) => atMs - (spoilt[index]?.atMs ?? 0));
  want(Math.min(...gaps, Number.POSITIVE_INFINITY) >= waitsSeconds * 1000, `pauses of ${gaps.join()} ms`);

  const errors = ended.logs.filter(({ level }) => level === 'error').map(({ msg }) => msg);
  const continued = ended.logs.find(({ msg }) => /as on-failure: continue says/.test(msg));
  const said = String(errors[0] ?? continued?.error);
  const pattern = sentences[typeof sentence === 'function' ? sentence(target) : sentence];
  // On a busy machine an attempt may not come to its end before the deadline, and then says that.
  const isRight = (text: string) => pattern.test(text) || isOutOfTime(text);
  want(!ended.logs.some(({ msg }) => msg.includes('\n')), 'a sentence of several lines');
  want(
    ended.logs.every(({ level }) => level !== 'not JSON'),
    'a log line that is no JSON',
  );
  const files = readdirSync(join(directory, 'data')).join();
  switch (mode) {
    case 'heals':
      want(ended.code === 0, `exit code ${ended.code}: ${errors}`);
      want(spoilt.length === times, `${spoilt.length} spoilt`);
      want(proxy.served() >= REQUESTS.length, `${proxy.served()} served`);
      want(ended.nodesConf === healed(pod), `file: ${ended.nodesConf}`);
      break;
    case 'for ever':
      want(ended.code === exit, `exit code ${ended.code}`);
      want(errors.length === 1 && isRight(said), `says: ${errors.join(' | ')}`);
      want(ended.nodesConf === before(pod) && files === 'nodes.conf', `files: ${files} ${ended.nodesConf}`);
      break;
    case 'continue': {
      want(ended.code === 0, `exit code ${ended.code}: ${errors}`);
      want(continued?.level === 'warn' && isRight(said), `says: ${said}`);
      want(ended.nodesConf === ownAlone(pod), `file: ${ended.nodesConf}`);
    }
  }
  if (mode !== 'heals') {
    want(proxy.served() === at, `${proxy.served()} served`);
    want(hangs || spoilt.length > 1 || isOutOfTime(said), `it was not tried again: ${said}`);
    const most = attemptsAtMost(deadlineSeconds) * (splitsLists ? 4 : 1);
    want(spoilt.length <= most, `${spoilt.length} requests in ${deadlineSeconds} s`);
    const firstMs = performance.timeOrigin + (proxy.seen[0]?.atMs ?? 0);
    const tookMs = Date.parse(String(ended.logs.at(-1)?.time)) - firstMs;
    want(tookMs < deadlineSeconds * 1000 + SLACK_MS, `it took ${Math.round(tookMs)} ms`);
  }
  const wasTooShort = mode !== 'heals' && spoilt.length < (hangs ? 1 : 2);
  const says = Object.entries(sentences).find(([, pattern]) => pattern.test(said))?.[0] ?? '';
  const peakMiB = Number(ended.stdout) / 1024;
  return {
    row,
    target,
    mode,
    pod,
    peakMiB,
    spoilt: spoilt.length,
    exit: ended.code,
    says,
    problems,
    wasTooShort,
  };
}

const stageDirectory = t.testdir();

t.test('each fault at each request, for a while and for ever', async (t) => {
  await Promise.all([buildPrograms(stageDirectory), setTheStage()]);
  const results: Result[] = [];
  // The longest first: what hangs waits out its time limit.
  const inOrder = cases.toSorted((a, b) => Number(b.row.hangs ?? false) - Number(a.row.hangs ?? false));
  await inLanes(LANES, inOrder, async (_, it) => void results.push(await run(it)));

  t.comment(`requests that met the fault, exit code, sentence; deadline ${SHORT_DEADLINE_SECONDS} s`);
  for (const row of table) {
    const of = (mode: Mode) =>
      results
        .filter((result) => result.row === row && result.mode === mode)
        .sort((a, b) => REQUESTS.indexOf(a.target) - REQUESTS.indexOf(b.target));
    const cells = (mode: Mode) => of(mode).map(({ spoilt }) => spoilt);
    const exits = (mode: Mode) => [...new Set(of(mode).map(({ exit }) => exit))].join('/');
    const says = [...new Set(of('for ever').map((result) => result.says))].join(', ');
    t.comment(
      `${row.fault.name.padEnd(28)} heals ${cells('heals').join(' ')} -> ${exits('heals')}; for ever ${cells('for ever').join(' ')} -> ${exits('for ever')} (${says}); on-failure: continue -> ${exits('continue')}`,
    );
    const problems = of('heals').concat(of('for ever'), of('continue'));
    t.same(
      problems.flatMap(({ target, mode, problems }) => problems.map((what) => `${target}, ${mode}: ${what}`)),
      [],
      row.fault.name,
    );
  }
  t.same(elsewhere.seen, [], 'no redirect was followed');
  t.comment(`${table.length} faults at ${REQUESTS.length} requests: ${results.length} runs of the program`);

  // Of the middle run: how late the garbage of one run is collected is chance.
  const peak = (isHuge: boolean) => {
    const peaks = results.filter(({ row }) => (row.fault === huge) === isHuge).map(({ peakMiB }) => peakMiB);
    return peaks.toSorted((a, b) => a - b)[Math.floor(peaks.length / 2)] ?? Number.NaN;
  };
  const above = peak(true) - peak(false);
  t.comment(`${huge.name}: ${above.toFixed(0)} MiB more than others need`);
  t.ok(above < PEAK_ABOVE_OTHERS_AT_MOST_MIB, `${huge.name}: ${above.toFixed(0)} MiB more than others need`);

  const { data } = await api.request(
    'GET',
    `/api/v1/namespaces/${NAMESPACE}/configmaps/redis-ip-updater-nodes`,
  );
  const missing = results.filter(({ mode, pod }) => mode === 'heals' && data[`redis-${pod}`] !== idOf(pod));
  t.same(missing, [], 'every node that started is recorded');
});
