import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PooledKubeConfig } from '../../src/kubernetes/client.ts';
import { GuardedWatch } from '../../src/kubernetes/guarded-watch.ts';
import { startKubernetesApi } from '../support/kubernetes-api/server.ts';
import { ApiError } from '../support/kubernetes-api/status.ts';

const PATH = '/apis/apps/v1/statefulsets';

t.test('a watch that is taken up is a sign of life, one that is refused is none', async (t) => {
  const api = await startKubernetesApi();
  t.teardown(() => api.close());
  const file = join(t.testdir(), 'kubeconfig');
  writeFileSync(file, api.kubeconfig());
  process.env.KUBECONFIG = file;
  const config = new PooledKubeConfig(5_000);

  let heard = 0;
  const watch = new GuardedWatch(config, { heard: () => (heard += 1) });
  const controller = await watch.watch(
    PATH,
    {},
    async () => {},
    () => {},
  );
  t.equal(heard, 1, 'before anything has changed');
  controller.abort();

  api.intercept(() => new ApiError(503, 'ServiceUnavailable', 'not now'));
  const ended = new Promise((resolve) => void watch.watch(PATH, {}, async () => {}, resolve));
  t.match(await ended, { statusCode: 503 });
  t.equal(heard, 1);
});
