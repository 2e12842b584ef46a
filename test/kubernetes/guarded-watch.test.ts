import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PooledKubeConfig } from '../../src/kubernetes/client.ts';
import { GuardedWatch } from '../../src/kubernetes/guarded-watch.ts';
import { startKubernetesApi } from '../support/kubernetes-api/server.ts';
import { ApiError } from '../support/kubernetes-api/status.ts';
import { startApiStub, watchStream } from './api-stub.ts';

const PATH = '/apis/apps/v1/statefulsets';

t.test('a watch that is taken up is a sign of life, one that is refused is none', async (t) => {
  const api = await startKubernetesApi();
  t.teardown(() => api.close());
  const file = join(t.testdir(), 'kubeconfig');
  writeFileSync(file, api.kubeconfig());
  process.env.KUBECONFIG = file;
  const config = new PooledKubeConfig(5_000);

  let takenUp = 0;
  const watch = new GuardedWatch(config, { takenUp: () => (takenUp += 1) });
  const controller = await watch.watch(
    PATH,
    {},
    async () => {},
    () => {},
  );
  t.equal(takenUp, 1, 'before anything has changed');
  controller.abort();

  api.intercept(() => new ApiError(503, 'ServiceUnavailable', 'not now'));
  const ended = new Promise((resolve) => void watch.watch(PATH, {}, async () => {}, resolve));
  t.match(await ended, { statusCode: 503 });
  t.equal(takenUp, 1);
});

t.test('whatever error a watch brings, the informer is told to list again', async (t) => {
  for (const code of [410, 500]) {
    const { kubeconfig } = await startApiStub(t, ({ response }) =>
      watchStream(response)('ERROR', { kind: 'Status', code }),
    );
    process.env.KUBECONFIG = kubeconfig;
    const watch = new GuardedWatch(new PooledKubeConfig(5_000));
    const ended = new Promise((resolve) => void watch.watch(PATH, {}, async () => {}, resolve));
    t.match(await ended, { statusCode: 410 }, `${code}: it knows no other word for it`);
  }
});

t.test(
  'what is no event ends the watch with an error, although the stream ends in the same moment',
  async (t) => {
    for (const text of [
      '{"status":"ok"}',
      '{"type":"ADDED","object":null}',
      '{"type":"NEW","object":{"metadata":{}}}',
    ]) {
      const { kubeconfig } = await startApiStub(t, ({ response }) => response.end(text));
      process.env.KUBECONFIG = kubeconfig;
      const watch = new GuardedWatch(new PooledKubeConfig(5_000));
      const ended = new Promise((resolve) => void watch.watch(PATH, {}, async () => {}, resolve));
      t.match(await ended, { message: 'what came is no event of a watch' }, text);
    }
  },
);
