import t from 'tap';
import { ApiError } from '../../src/kubernetes/namespace-api.ts';
import { type Patience, persist, waitUntil } from '../../src/updater/persist.ts';

/** A clock that only sleeping moves. */
function patience(deadlineAt = 300_000): Patience & { slept: number[]; logged: string[] } {
  const slept: number[] = [];
  const logged: string[] = [];
  let time = 0;
  return {
    slept,
    logged,
    deadlineAt,
    now: () => time,
    random: () => 1,
    log: (level, message) => logged.push(`${level}: ${message}`),
    sleep: async (ms) => {
      slept.push(ms);
      time += ms;
    },
  };
}

/** Fails with each error in turn, then succeeds. */
function failing(...errors: Error[]): () => Promise<string> {
  return async () => {
    const error = errors.shift();
    if (error) throw error;
    return 'done';
  };
}

const status = (code: number, retryAfterSeconds?: number) =>
  new ApiError(`GET /x: status ${code}`, { resource: 'pods', status: code, retryAfterSeconds });

t.test('refusals that may pass are tried again, ever slower', async (t) => {
  const p = patience();
  const errors = [0, 401, 403, 404, 409, 429, 500, 503, 504].map((code) => status(code));
  t.equal(await persist(failing(...errors), p), 'done');
  t.same(p.slept, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
  t.equal(p.logged.length, 2, 'a line at first, and one every ten seconds');
});

t.test('the server says how long to wait, within reason', async (t) => {
  const p = patience();
  await persist(failing(status(429, 2), status(429, 3600), status(429, 0)), p);
  t.same(p.slept, [2100, 30_200, 400], 'and our own back-off on top: a zero is no invitation');
});

t.test('at the deadline: 69, or 77 where the API said no, with the likely causes', async (t) => {
  const always = (error: Error) => async () => {
    throw error;
  };
  await t.rejects(persist(always(status(0)), patience()), { exitCode: 69, message: /network policy.*mesh/ });
  await t.rejects(persist(always(status(503)), patience()), { exitCode: 69, message: /status 503/ });
  await t.rejects(persist(always(status(403)), patience()), {
    exitCode: 77,
    message: /RoleBinding redis-ip-updater/,
  });
  await t.rejects(persist(always(status(401)), patience()), { exitCode: 77, message: /token/ });
  const missing = new ApiError('PATCH /map: status 404', { resource: 'configmaps', status: 404 });
  await t.rejects(persist(always(missing), patience()), {
    exitCode: 69,
    message: /ConfigMap redis-ip-updater-nodes is missing/,
  });
});

t.test('an attempt that would come too late is not waited for', async (t) => {
  const attempts = () => failing(status(503, 2), status(503, 2));
  // The second would begin at 2.1 s, the third at 4.3 s.
  const p = patience(5_299);
  await t.rejects(persist(attempts(), p), { message: /status 503/ });
  t.same(p.slept, [2100], 'the next would begin with less than a second left');
  t.equal(await persist(attempts(), patience(5_300)), 'done', 'with a second it is made');
});

t.test('what answers and is not the API server', async (t) => {
  const foreign = new ApiError('GET /x: status 302', { resource: 'pods', status: 302, isForeign: true });
  await t.rejects(persist(failing(foreign), patience(0)), {
    exitCode: 69,
    message: /status 302: what answers is not this cluster's API server: check for a proxy/,
  });
});

t.test('a bug is not retried', async (t) => {
  const p = patience();
  await t.rejects(persist(failing(new TypeError('ours')), p), TypeError);
  t.same(p.slept, []);
});

t.test('waiting asks often at first and fails with its sentence', async (t) => {
  const p = patience();
  let asked = 0;
  await waitUntil(async () => ++asked > 3, 'never seen', p);
  t.same(p.slept, [50, 100, 200]);
  await t.rejects(
    waitUntil(async () => false, 'The IP is not shown.', patience(5000)),
    {
      exitCode: 69,
      message: 'The IP is not shown.',
    },
  );
});
