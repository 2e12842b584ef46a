import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AppsV1Api, CoreV1Api } from '@kubernetes/client-node';
import t from 'tap';
import { exitCodes } from '../../src/errors.ts';
import { PooledKubeConfig } from '../../src/kubernetes/client.ts';
import { listLimitRanges } from '../../src/kubernetes/limit-ranges.ts';
import { findStatefulSet, followLabelledStatefulSets } from '../../src/kubernetes/statefulset-lookup.ts';
import { until as untilWithin } from '../cluster/kubernetes/until.ts';
import { type ApiRequest, json, list, startApiStub, statefulSet, status, watchStream } from './api-stub.ts';

const owner = (name: string) => ({ namespace: 'shop', name, uid: `uid-${name}` });
const emptyCache = { get: () => undefined };

/** A config for the stub, which stands in the environment while it is read. */
function configFor(kubeconfig: string, timeoutMs = 30_000): PooledKubeConfig {
  process.env.KUBECONFIG = kubeconfig;
  return new PooledKubeConfig(timeoutMs);
}

const until = (condition: () => boolean) => untilWithin(`${condition}`, 60_000, condition, 10);

t.test('a GET confirms what the cache does not know, if the uid is that of the owner', async (t) => {
  const { kubeconfig, counts } = await startApiStub(t, ({ path, response }) => {
    if (path === '/apis/apps/v1/namespaces/shop/statefulsets/known')
      json(response, 200, statefulSet('known'));
    else if (path.endsWith('/forbidden')) status(response, 403);
    else if (path.endsWith('/broken')) status(response, 500);
    else if (!path.endsWith('/hangs')) status(response, 404);
  });
  const api = configFor(kubeconfig).makeApiClient(AppsV1Api);
  const found = await findStatefulSet(emptyCache, api, owner('known'));
  t.match(found, { metadata: { labels: { 'redis-ip-updater.io/inject': 'true' } } });
  t.equal(await findStatefulSet(emptyCache, api, { ...owner('known'), uid: 'older' }), undefined);
  t.equal(await findStatefulSet(emptyCache, api, owner('gone')), undefined);
  await t.rejects(findStatefulSet(emptyCache, api, owner('forbidden')), {
    exitCode: exitCodes.forbidden,
    message: /could not read the StatefulSet shop\/forbidden: HTTP 403 .*ClusterRole/,
  });
  await t.rejects(findStatefulSet(emptyCache, api, owner('broken')), {
    exitCode: exitCodes.unavailable,
    message: /HTTP 500/,
  });
  // A finished one may not be back in the pool when the next call comes.
  t.ok(counts.connections <= 2, `five calls over ${counts.connections} connections`);
  const hasty = configFor(kubeconfig, 300).makeApiClient(AppsV1Api);
  await t.rejects(findStatefulSet(emptyCache, hasty, owner('hangs')), {
    exitCode: exitCodes.unavailable,
    message: /timeout/,
  });
});

t.test('a cached one is trusted only if it is labelled and has the uid', async (t) => {
  const asked: string[] = [];
  const { kubeconfig } = await startApiStub(t, ({ path, response }) => {
    asked.push(path);
    status(response, 404);
  });
  const api = configFor(kubeconfig).makeApiClient(AppsV1Api);
  const cached = statefulSet('a');
  t.equal(await findStatefulSet({ get: () => cached }, api, owner('a')), cached);
  t.same(asked, []);
  await findStatefulSet({ get: () => cached }, api, { ...owner('a'), uid: 'other' });
  await findStatefulSet({ get: () => statefulSet('a', { labels: {} }) }, api, owner('a'));
  t.equal(asked.length, 2);
});

t.test('LimitRanges', async (t) => {
  const { kubeconfig } = await startApiStub(t, ({ path, response }) => {
    if (path !== '/api/v1/namespaces/shop/limitranges') status(response, 403);
    else
      json(response, 200, {
        items: [{ metadata: { name: 'a' }, spec: { limits: [{ type: 'Pod', max: { memory: '1Gi' } }] } }],
      });
  });
  const api = configFor(kubeconfig).makeApiClient(CoreV1Api);
  t.match(await listLimitRanges(api, 'shop'), [
    { metadata: { name: 'a' }, spec: { limits: [{ max: { memory: '1Gi' } }] } },
  ]);
  await t.rejects(listLimitRanges(api, 'other'), {
    message: /list the LimitRanges of namespace other: HTTP 403/,
  });
});

t.test('the cache follows the API server through every fault', async (t) => {
  const requests: string[] = [];
  const errors: unknown[] = [];
  // One answer for each request, in their order.
  const script: ((request: ApiRequest) => void)[] = [
    ({ response }) => status(response, 500),
    ({ response }) => json(response, 200, list([statefulSet('a')])),
    ({ response }) => {
      const send = watchStream(response);
      send('ADDED', statefulSet('b', { resourceVersion: '2' }));
      send('DELETED', statefulSet('a', { resourceVersion: '3' }));
      response.write('not JSON\n');
      setTimeout(() => send('ADDED', null), 50);
    },
    ({ response }) => status(response, 403),
    ({ response }) => {
      const send = watchStream(response);
      send('BOOKMARK', { metadata: { resourceVersion: '9' } });
      send('ERROR', { kind: 'Status', code: 410 });
      response.end();
    },
    ({ response }) => json(response, 200, list([statefulSet('c')], '20')),
    ({ response }) =>
      watchStream(response)('MODIFIED', statefulSet('c', { resourceVersion: '21', uid: 'new' })),
  ];
  const { kubeconfig } = await startApiStub(t, (request) => {
    const { path, query } = request;
    requests.push(`${query.has('watch') ? 'watch' : 'list'} ${query.get('resourceVersion') ?? ''}`.trim());
    t.equal(path, '/apis/apps/v1/statefulsets');
    t.equal(query.get('labelSelector'), 'redis-ip-updater.io/inject=true');
    t.equal(query.get('allowWatchBookmarks'), query.has('watch') ? 'true' : null);
    script[requests.length - 1]?.(request);
  });
  let clock = 1_000;
  const cache = followLabelledStatefulSets(configFor(kubeconfig), {
    onError: (error) => errors.push(error),
    now: () => clock,
    random: () => 0,
  });
  t.teardown(() => cache.stop());
  t.notOk(cache.isSynced());
  t.equal(cache.lastEventMs(), 0);

  await until(() => errors.length === 1);
  t.notOk(cache.isSynced(), 'a failed list is no list');
  await until(() => cache.get('b', 'shop') !== undefined && cache.get('a', 'shop') === undefined);
  t.ok(cache.isSynced());
  t.equal(cache.lastEventMs(), 1_000);
  clock = 2_000;
  await until(() => cache.get('c', 'shop')?.metadata?.uid === 'new');
  t.equal(cache.get('b', 'shop'), undefined, 'what the new list lacks is gone');
  t.equal(cache.lastEventMs(), 2_000);
  t.same(requests, ['list', 'list', 'watch 1', 'watch 3', 'watch 3', 'list', 'watch 20']);
  t.equal(errors.length, 3, 'the failed list, the event without metadata, the forbidden watch');
});

t.test(
  'a resourceVersion from which no watch can begin is given up: an etcd restored from a backup',
  async (t) => {
    const requests: string[] = [];
    const { kubeconfig } = await startApiStub(t, ({ query, response }) => {
      const version = query.get('resourceVersion') ?? '';
      requests.push(`${query.has('watch') ? 'watch' : 'list'} ${version}`.trim());
      const isFirstList = requests.length === 1;
      if (!query.has('watch')) json(response, 200, list([statefulSet('a')], isFirstList ? '900' : '20'));
      // As the API server says that its own is lower: "Too large resource version".
      else if (version === '900') status(response, 504);
      else watchStream(response)('ADDED', statefulSet('b', { resourceVersion: '21' }));
    });
    const errors: unknown[] = [];
    const cache = followLabelledStatefulSets(configFor(kubeconfig), {
      onError: (error) => errors.push(error),
      now: () => 1_000,
      random: () => 0,
    });
    t.teardown(() => cache.stop());
    await until(() => cache.get('b', 'shop') !== undefined);
    t.same(requests, ['list', 'watch 900', 'watch 900', 'watch 900', 'list', 'watch 20']);
    t.equal(errors.length, 3);
  },
);

t.test('watches that are taken up and break off at once come ever slower', async (t) => {
  const watchesAtMs: number[] = [];
  const { kubeconfig } = await startApiStub(t, ({ query, response }) => {
    if (!query.has('watch')) return json(response, 200, list([statefulSet('a')]));
    watchesAtMs.push(performance.now());
    watchStream(response);
    setTimeout(() => response.destroy(), 20);
  });
  const cache = followLabelledStatefulSets(configFor(kubeconfig), {
    onError: () => {},
    now: () => 1_000,
    random: () => 1,
  });
  t.teardown(() => cache.stop());
  await until(() => watchesAtMs.length === 4);
  const pauses = watchesAtMs.slice(1).map((atMs, index) => atMs - (watchesAtMs[index] ?? 0));
  t.ok((pauses[0] ?? 0) >= 1_000 && (pauses[1] ?? 0) >= 2_000 && (pauses[2] ?? 0) >= 4_000, pauses.join());
});

t.test('a redirect is not followed', async (t) => {
  let followed = 0;
  // Without TLS: anybody could be it, and no authority would keep a client from believing it.
  const elsewhere = createServer((_request, response) => {
    followed += 1;
    json(response, 200, list([statefulSet('stranger')]));
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  t.teardown(() => elsewhere.close().closeAllConnections());
  const { port } = elsewhere.address() as AddressInfo;
  const { kubeconfig } = await startApiStub(t, ({ path, response }) =>
    response.writeHead(307, { location: `http://127.0.0.1:${port}${path}` }).end(),
  );
  const errors: Error[] = [];
  const config = configFor(kubeconfig);
  await t.rejects(findStatefulSet(emptyCache, config.makeApiClient(AppsV1Api), owner('a')), {
    message: /could not read the StatefulSet shop\/a: it answers with a redirect \(307\)/,
  });
  const cache = followLabelledStatefulSets(config, {
    onError: (error) => errors.push(error as Error),
    now: Date.now,
    random: () => 0,
  });
  t.teardown(() => cache.stop());
  await until(() => errors.length === 1);
  t.equal(followed, 0);
});

t.test('stopped, it asks no more', async (t) => {
  let requests = 0;
  const { kubeconfig } = await startApiStub(t, ({ response }) => {
    requests += 1;
    status(response, 500);
  });
  const errors: unknown[] = [];
  const cache = followLabelledStatefulSets(configFor(kubeconfig), {
    onError: (error) => errors.push(error),
    now: Date.now,
    random: () => 0,
  });
  await until(() => errors.length === 1);
  await cache.stop();
  await delay(700);
  t.equal(requests, 1);
});

t.test('stopped while it watches, it reports no error', async (t) => {
  const ended = Promise.withResolvers<void>();
  const { kubeconfig } = await startApiStub(t, ({ query, response }) => {
    if (!query.has('watch')) json(response, 200, list([]));
    else watchStream(response)('ADDED', statefulSet('a'));
    if (query.has('watch')) response.on('close', ended.resolve);
  });
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const cache = followLabelledStatefulSets(configFor(kubeconfig), {
    onError,
    now: Date.now,
    random: () => 0,
  });
  await until(() => cache.get('a', 'shop') !== undefined);
  await cache.stop();
  await ended.promise;
  await delay(20);
  t.same(errors, []);
});

t.test('without an API server to be found', async (t) => {
  const directory = t.testdir();
  process.env.KUBECONFIG = `${directory}/none`;
  t.throws(() => new PooledKubeConfig(1), {
    exitCode: exitCodes.usage,
    message: /kubeconfig cannot be used: .*ENOENT/,
  });
  process.env.KUBECONFIG = '';
  process.env.HOME = directory;
  t.throws(() => new PooledKubeConfig(1), { exitCode: exitCodes.usage, message: /no kubeconfig/ });
});
