/**
 * Provisioning through proxies that spoil a real API server, one provisioner for each fault, all at the same time:
 * no watch stays dead, nobody runs hot meanwhile, and no namespace is missed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { type Provisioner, startProvisioner } from '../../../src/webhook/provisioner.ts';
import { startControlPlane } from '../../cluster/kubernetes/control-plane.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { kubeconfig } from '../../cluster/kubernetes/users.ts';
import {
  cut,
  type Fault,
  hangs,
  huge,
  notTheApi,
  redirect,
  resets,
  status,
  tooMany,
  untrusted,
} from '../../support/fault-proxy/faults.ts';
import { type FaultProxy, type Injection, startFaultProxy } from '../../support/fault-proxy/proxy.ts';

/** A watch that hangs is given up after 30 s, a list too, and the longest pause is 30 s. */
const RECOVERY_MS = 180_000;
const FIRE_MS = 8_000;
/** Namespaces, StatefulSets, ServiceAccounts, Roles, RoleBindings, ConfigMaps. */
const WATCHES = 6;
/**
 * Each watch is tried again after at least 0.5, 1, 2, 4, 8 and then 15 s, some of these attempts a list and a watch;
 * a namespace is four writes at each attempt.
 */
const requestsAtMost = (seconds: number) => 60 + seconds;

type Subject = { fault: Fault; proxy: FaultProxy; provisioner: Provisioner; warnings: string[] };

const plane = await startControlPlane();
t.teardown(() => plane.stop());
const { api } = plane;
const directory = t.testdir();
const elsewhere = await startFaultProxy({ target: plane });
const subjects: Subject[] = [];
t.teardown(async () => {
  for (const { provisioner } of subjects) await provisioner.stop();
  await Promise.all([elsewhere, ...subjects.map(({ proxy }) => proxy)].map((proxy) => proxy.close()));
});

const faults = [
  ...[401, 403, 404, 409, 410, 500, 503, 504].map((code) => status(code)),
  ...Object.values(tooMany),
  resets,
  ...Object.values(cut),
  ...Object.values(hangs),
  ...Object.values(notTheApi),
  huge,
  redirect(302, elsewhere.url),
  redirect(307, elsewhere.url),
  untrusted,
];

async function start(fault: Fault): Promise<Subject> {
  const proxy = await startFaultProxy({ target: plane });
  const config = join(directory, `${proxy.port}.kubeconfig`);
  writeFileSync(config, kubeconfig({ url: proxy.url, caPem: proxy.ca, token: plane.adminToken }));
  process.env.KUBECONFIG = config;
  const warnings: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  const provisioner = startProvisioner({ imagePullSecrets: [], onFailure: () => {} }, log);
  return { fault, proxy, provisioner, warnings };
}

const namespaces: string[] = [];
async function optIn(name: string): Promise<void> {
  namespaces.push(name);
  const labels = { 'redis-ip-updater.io/injection': 'enabled' };
  await api.request('POST', '/api/v1/namespaces', { metadata: { name, labels } });
}

/** Each has seen all namespaces, and in each of them all four objects. */
const allProvision = (what: string) =>
  until(what, RECOVERY_MS, () =>
    subjects.every(({ provisioner }) => provisioner.provisionedNamespaces() === namespaces.length),
  ).catch((error: Error) => {
    const late = subjects.filter(
      ({ provisioner }) => provisioner.provisionedNamespaces() !== namespaces.length,
    );
    throw new Error(`${error.message}: ${late.map(({ fault }) => fault.name).join(', ')}`);
  });

/** Sets fire for a while, and until `isEnough` of those it has met; gives how many requests each has sent meanwhile. */
async function underFire(
  when: Injection['when'],
  isEnough: (spoilt: number[]) => boolean,
): Promise<number[]> {
  const before = subjects.map(({ proxy }) => proxy.seen.length);
  const meanwhile = () => subjects.map(({ proxy }, index) => proxy.seen.slice(before[index]));
  for (const { fault, proxy } of subjects) {
    proxy.inject({ fault, ...(when && { when }) });
    proxy.disconnect();
  }
  await delay(FIRE_MS);
  await until('enough have met the fire', RECOVERY_MS, () =>
    isEnough(meanwhile().map((seen) => seen.filter(({ spoilt }) => spoilt).length)),
  );
  const counts = meanwhile().map(({ length }) => length);
  for (const { proxy } of subjects) proxy.heal();
  return counts;
}

const everyWatch = (spoilt: number[]) => Math.min(...spoilt) >= WATCHES;
/** Some faults come after the API server has done it, and then others need not write. */
const someWrites = (spoilt: number[]) => spoilt.filter((count) => count > 0).length >= 3;

/** Fire for the requests of that kind, with a namespace that opts in meanwhile and one that does afterwards. */
async function burn(
  t: Test,
  name: string,
  when: Injection['when'],
  isEnough: (spoilt: number[]) => boolean,
): Promise<void> {
  const meanwhile = delay(FIRE_MS / 3).then(() => optIn(`during-${name}`));
  const startedAt = performance.now();
  const counts = await underFire(when, isEnough);
  const seconds = (performance.now() - startedAt) / 1000;
  await meanwhile;
  await optIn(`after-${name}`);
  await allProvision('all are back');
  t.same(elsewhere.seen, [], 'no redirect was followed');
  const hot = subjects.filter((_, index) => (counts[index] ?? 0) > requestsAtMost(seconds));
  t.same(
    hot.map(({ fault }) => fault.name),
    [],
    `at most ${Math.max(...counts)} requests in ${seconds.toFixed(0)} s`,
  );
  const each = subjects.map(({ fault }, index) => `${fault.name}: ${counts[index]}`);
  t.comment(`requests in ${seconds.toFixed(0)} s: ${each.join('; ')}`);
}

const isWatch = (url = '') => /[?&]watch=true/.test(url);

t.test('they start', async (t) => {
  for (const fault of faults) subjects.push(await start(fault));
  await optIn('before');
  await allProvision('all have begun');
  t.comment(`${subjects.length} faults, a provisioner for each`);
});

t.test('every request fails', (t) => burn(t, 'all', undefined, everyWatch));

t.test('every watch fails', (t) =>
  burn(t, 'watch', (request) => !request || isWatch(request.url), everyWatch),
);

t.test('every write fails', (t) =>
  burn(t, 'write', (request) => !request || request.method === 'PATCH', someWrites),
);

t.test('etcd is compacted while nobody watches', async (t) => {
  for (const { proxy } of subjects) {
    proxy.inject({ fault: resets });
    proxy.disconnect();
  }
  await optIn('compacted');
  await plane.compact();
  await optIn('after-compaction');
  const before = subjects.map(({ proxy }) => proxy.seen.length);
  for (const { proxy } of subjects) proxy.heal();
  await allProvision('all are back');
  const lists = subjects.map(
    ({ proxy }, index) =>
      proxy.seen.slice(before[index]).filter(({ method, path }) => method === 'GET' && !isWatch(path)).length,
  );
  t.ok(Math.min(...lists) >= 1, `each lists again: ${lists.join(' ')}`);
});
