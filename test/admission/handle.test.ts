/** Reviews that are none, ports that fail, sentences that must stay short. */
import t from 'tap';
import { handle } from '../../src/admission/handle.ts';
import { reasons, remarks, sentence } from '../../src/admission/reasons.ts';
import { exitCodes, Failure } from '../../src/errors.ts';
import { excerpt } from '../../src/excerpt.ts';
import { applied, fixturePorts, type Json, open, type Review, readFixture, updater } from './fixture.ts';

const ports = fixturePorts('official-redis');
const good = readFixture<Review>('official-redis', 'review.json') as Review;
const withRequest = (change: object) => ({ ...good, request: { ...good.request, ...change } });
const withObject = (object: Json) => withRequest({ object });

t.test('what is not a review of a pod CREATE gets a sentence that names the place', async (t) => {
  const table: [string, unknown, RegExp][] = [
    ['null', null, /the body must be object/],
    ['an array', [good], /the body must be object/],
    ['a number', 3, /the body must be object/],
    ['a string', 'review', /the body must be object/],
    ['an empty object', {}, /the body must have required properties apiVersion, kind, request/],
    ['another apiVersion', { ...good, apiVersion: 'admission.k8s.io/v1beta1' }, /"apiVersion" must be equal/],
    ['another kind', { ...good, kind: 'ConversionReview' }, /"kind" must be equal/],
    ['no request', { ...good, request: null }, /"request" must be object/],
    ['no uid', withRequest({ uid: '' }), /"request\/uid"/],
    ['an update', withRequest({ operation: 'UPDATE' }), /"request\/operation" .*"CREATE"/],
    ['a subresource', withRequest({ subResource: 'eviction' }), /"request\/subResource"/],
    [
      'another resource',
      withRequest({ kind: { group: 'apps', version: 'v1', kind: 'StatefulSet' } }),
      /request\/kind/,
    ],
    ['no namespace', withRequest({ namespace: undefined }), /"request\/namespace" must be string/],
    ['no object', withObject(null), /"request\/object" must be object/],
    ['an object without spec', withObject({ metadata: {} }), /must have required properties spec/],
    [
      'containers as an object',
      withObject({ metadata: {}, spec: { containers: {} } }),
      /containers"? must be array/,
    ],
    [
      'a null container',
      withObject({ metadata: {}, spec: { containers: [null] } }),
      /containers\/0" must be object/,
    ],
    [
      'a number as a label',
      withObject({ metadata: { labels: { a: 1 } }, spec: {} }),
      /labels\/a" must be string/,
    ],
    ['labels as an array', withObject({ metadata: { labels: ['a'] }, spec: {} }), /labels" must be object/],
  ];
  for (const [title, body, expected] of table) {
    const answer = await handle(body, ports, updater);
    t.equal(answer.kind, 'unreadable', title);
    if (answer.kind === 'unreadable') t.match(answer.sentence, expected, title);
  }
});

t.test('a port that fails with a Failure denies the pod with its sentence', async (t) => {
  const findStatefulSet = async () => {
    throw new Failure(exitCodes.forbidden, 'the webhook could not read the StatefulSet shop/redis: HTTP 403');
  };
  const answer = await handle(good, { ...ports, findStatefulSet }, updater);
  if (answer.kind !== 'answered') throw new Error('not answered');
  t.match(open(answer).response, {
    allowed: false,
    uid: good.request.uid,
    auditAnnotations: { outcome: 'failed', reason: 'lookup-failed' },
    status: { code: 500, message: /could not read the StatefulSet shop\/redis: HTTP 403/ },
  });
});

t.test('a bug of ours denies the pod too, says so, and keeps the error for the log', async (t) => {
  const bug = new TypeError('x is not a function');
  const findStatefulSet = async () => {
    throw bug;
  };
  const answer = await handle(good, { ...ports, findStatefulSet }, updater);
  if (answer.kind !== 'answered') throw new Error('not answered');
  t.equal(answer.error, bug);
  const { response } = open(answer);
  t.match(response, {
    allowed: false,
    auditAnnotations: { reason: 'internal-error' },
    status: { code: 500 },
  });
  t.notMatch(JSON.stringify(response), 'not a function', 'nothing of our insides is shown');
});

t.test('only a pod that needs it is looked up', async (t) => {
  const refuse = async () => {
    throw new Error('was looked up');
  };
  for (const name of ['opted-out', 'already-injected', 'not-statefulset']) {
    const review = readFixture<Review>(name, 'review.json');
    const answer = await handle(review, { findStatefulSet: refuse, listLimitRanges: refuse }, updater);
    t.match(answer, { outcome: { finding: { reason: name } }, error: undefined }, name);
  }
});

t.test('imagePullPolicy is set if the configuration has one', async (t) => {
  const answer = await handle(good, ports, { ...updater, imagePullPolicy: 'Never' });
  if (answer.kind !== 'answered') throw new Error('not answered');
  const container = open(answer).patch?.find(({ path }) => path === '/spec/initContainers')?.value;
  t.match(container, [{ image: 'redis-ip-updater:1.2.3', imagePullPolicy: 'Never' }]);
});

t.test('the pull secrets of the configuration come after those of the pod, none of them twice', async (t) => {
  const refs = (...names: string[]) => names.map((name) => ({ name }));
  const wanted: [string[] | undefined, string[]][] = [
    [undefined, ['registry', 'other']],
    [[], ['registry', 'other']],
    [
      ['own', 'other'],
      ['own', 'other', 'registry'],
    ],
    [
      ['other', 'registry'],
      ['other', 'registry'],
    ],
  ];
  for (const [own, all] of wanted) {
    const { request } = good;
    const spec = { ...(request.object.spec as object), ...(own && { imagePullSecrets: refs(...own) }) };
    const object = { ...request.object, spec };
    const configured = { ...updater, imagePullSecrets: ['registry', 'other'] };
    const answer = await handle({ ...good, request: { ...request, object } }, ports, configured);
    if (answer.kind !== 'answered') throw new Error('not answered');
    const { imagePullSecrets } = applied<{ spec: { imagePullSecrets?: object[] } }>(
      object,
      open(answer).patch ?? [],
    ).spec;
    t.same(imagePullSecrets, refs(...all), `${own}`);
  }
});

t.test('warnings have at most 120 characters', async (t) => {
  const long = `/${'ü\n'.repeat(5000)}`;
  const notPersistent = sentence({ reason: 'not-persistent', path: long });
  const setting = 'cluster-announce-bus-port';
  const texts = [
    ...Object.values(remarks),
    sentence({ reason: 'not-linux' }),
    sentence({ reason: 'announced-elsewhere', setting }),
  ];
  for (const text of texts) t.ok(text.length <= 120, text);
  t.ok(notPersistent.length < 200, 'a path of 10 KB is cut');

  const review = readFixture<Review>('empty-dir', 'review.json') as Review;
  // Control characters are escaped, which makes the cut path long again.
  const path = `/${'\u0001'.repeat(5000)}`;
  const object = JSON.parse(
    JSON.stringify(review.request.object).replace('/data/nodes.conf', '\\u0001'.repeat(5000)),
  );
  t.ok(JSON.stringify(object).includes(JSON.stringify(path.slice(1)).slice(1, -1)));
  const answer = await handle({ ...review, request: { ...review.request, object } }, ports, updater);
  if (answer.kind !== 'answered') throw new Error('not answered');
  const { warnings } = open(answer).response as { warnings: string[] };
  t.equal(warnings.length, 1);
  t.ok(
    warnings.every((text) => text.length <= 120),
    `${warnings}`,
  );
});

t.test("users' values are quoted and cut in every sentence", (t) => {
  const hostile = `\u0000"\n${'x'.repeat(10_000)}`;
  t.ok(excerpt(hostile).length < 80);
  const sentences = [
    sentence({ reason: 'invalid-annotation', annotation: 'a', value: hostile, expected: 'b' }),
    sentence({ reason: 'ambiguous-container', names: [hostile, hostile] }),
    sentence({ reason: 'subpath-env', variable: hostile, clash: false }),
    sentence({ reason: 'limit-range', limitRange: hostile, type: 'Pod', maximum: hostile, needed: '64Mi' }),
    sentence({ reason: 'lookup-failed', why: hostile }),
    sentence({ reason: 'injected', container: hostile, path: hostile }),
  ];
  for (const text of sentences) {
    t.ok(text.length < 600, text.slice(0, 80));
    t.notOk(text.includes('\n') || text.includes('\u0000'), 'no control characters');
  }
  t.ok(Object.keys(reasons).length > 10);
  t.end();
});
