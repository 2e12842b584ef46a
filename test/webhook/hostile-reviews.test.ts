/** Reviews that nobody should send, as bytes to the real app: an answer to each, and never harm. */
import { ok, strictEqual } from 'node:assert';
import fc from 'fast-check';
import { pino } from 'pino';
import t from 'tap';
import { annotations } from '../../src/names.ts';
import { logAnswer } from '../../src/webhook/admission-log.ts';
import { fixtureNames, type Review, readFixture } from '../admission/fixture.ts';
import {
  assertLog,
  assertNoPollution,
  assertReview,
  assertShort,
  assertUnreadable,
  type Reply,
} from '../admission/hostile/judge.ts';
import { changed, changes, damage, damaged, type Json } from '../admission/hostile/mutations.ts';
import { startWebhook } from './support.ts';

const seed = Number(process.env.HOSTILE_SEED ?? 6);
const REVIEWS = Number(process.env.HOSTILE_REVIEWS ?? 400);

type Fixture = { review: Json; statefulSet: object | undefined; limitRanges: never[] };
const fixtures: Fixture[] = fixtureNames.map((name) => ({
  review: readFixture<Review>(name, 'review.json') as unknown as Json,
  statefulSet: readFixture(name, 'statefulset.json'),
  limitRanges: readFixture<never[]>(name, 'limitranges.json') ?? [],
}));
const official = fixtures[fixtureNames.indexOf('official-redis')] as Fixture;

let present = official;
let logged = '';
const log = pino({ level: 'debug' }, { write: (line: string) => (logged += line) });
const { server } = await startWebhook(t, {
  ports: {
    findStatefulSet: async () => present.statefulSet,
    listLimitRanges: async () => present.limitRanges,
  },
  observe: (answer) => logAnswer(log, answer),
});

/** The reply to bytes, with the fixture's StatefulSet and LimitRanges behind the webhook. */
async function mutate(fixture: Fixture, payload: Buffer | string): Promise<Reply> {
  present = fixture;
  logged = '';
  const headers = { 'content-type': 'application/json' };
  const { statusCode, body } = await server.inject({ method: 'POST', url: '/mutate', headers, payload });
  assertLog(logged);
  assertNoPollution();
  return { status: statusCode, body };
}

/** The reason of a good answer, after which the pod that it makes needs nothing more; else `unreadable`. */
async function judge(fixture: Fixture, review: Json): Promise<string> {
  const reply = await mutate(fixture, JSON.stringify(review));
  if (reply.status !== 200) {
    assertUnreadable(reply);
    return 'unreadable';
  }
  const { reason, pod, patch } = assertReview(reply, review);
  if (patch.length === 0) return reason;
  const { request, ...rest } = review as { request: { [key: string]: Json } };
  const again = { ...rest, request: { ...request, object: pod } };
  strictEqual(assertReview(await mutate(fixture, JSON.stringify(again)), again).patch.length, 0);
  return reason;
}

t.test('reviews of every kind with members replaced, removed, added, renamed and moved', async (t) => {
  const counts = new Map<string, number>();
  const property = fc.asyncProperty(fc.constantFrom(...fixtures), changes, async (fixture, list) => {
    const reason = await judge(fixture, changed(fixture.review, list));
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  });
  await fc.assert(property, { seed, numRuns: REVIEWS });
  t.comment(`seed ${seed}: ${REVIEWS} reviews: ${JSON.stringify(Object.fromEntries(counts))}`);
  t.ok((counts.get('injected') ?? 0) > REVIEWS / 10, 'injected');
  t.ok((counts.get('unreadable') ?? 0) > REVIEWS / 10, 'unreadable');
  t.ok(counts.size > 8, 'and most of the reasons there are');
});

t.test('damaged bytes', async (t) => {
  const counts = { readable: 0, unreadable: 0 };
  const bytes = fixtures.map((fixture) => ({ fixture, buffer: Buffer.from(JSON.stringify(fixture.review)) }));
  const property = fc.asyncProperty(fc.constantFrom(...bytes), damage, async ({ fixture, buffer }, list) => {
    const sent = damaged(buffer, list);
    const reply = await mutate(fixture, sent);
    if (reply.status === 200) assertReview(reply, JSON.parse(sent.toString('utf8')));
    else assertUnreadable(reply);
    counts[reply.status === 200 ? 'readable' : 'unreadable'] += 1;
  });
  await fc.assert(property, { seed, numRuns: REVIEWS / 2 });
  t.comment(`seed ${seed}: ${JSON.stringify(counts)}`);
  t.ok(counts.readable > REVIEWS / 100 && counts.unreadable > REVIEWS / 100);
});

const long = 'x'.repeat(10_000);
const hostileTexts = [
  ...[
    '',
    ' ',
    '/',
    '.',
    '..',
    '/..',
    '/data/..',
    '/data/../etc/nodes.conf',
    'data/nodes.conf',
    './nodes.conf',
  ],
  ...[
    '/data/',
    '/data//nodes.conf',
    '/data/nodes.conf\n',
    '/data/\u0000',
    '\u0000',
    '/data/\u009b2J',
    '/data/\u202efnoc',
  ],
  ...[
    '/data/\u2028',
    '{"level":60}\n{"level":60}',
    `/${long}`,
    long,
    `/${'\u0001'.repeat(10_000)}`,
    '\ud800',
  ],
  ...[
    'First',
    'first ',
    'TRUE',
    'null',
    '__proto__',
    'constructor',
    '0',
    '"',
    "'; rm -rf / #",
    '$(reboot)',
    '`x`',
  ],
];
/** Paths that a file may have: they are taken as they are. */
const oddPaths = ['/data/$(POD_IP)', '/data/$$', '/data/a b;c|d&e`f', '/data/"\'\\', '/data/ä/…', '/data/-n'];

t.test('values of annotations are nobody’s to trust, on the pod or on its StatefulSet', async (t) => {
  let denied = 0;
  for (const annotation of Object.values(annotations)) {
    for (const value of hostileTexts) {
      for (const reply of [await annotated(annotation, value), await annotatedOwner(annotation, value)]) {
        const { allowed, status } = JSON.parse(reply.body).response;
        strictEqual(allowed, false, JSON.stringify({ annotation, value }).slice(0, 80));
        assertShort(status.message, 400);
        ok(status.message.startsWith(`annotation ${annotation} must be `), status.message);
        denied += 1;
      }
    }
  }
  t.pass(`${denied} denied, each in one sentence`);
});

t.test('a path of shell characters is a path', async (t) => {
  for (const path of oddPaths) {
    const reply = await annotated(annotations.nodesConf, path);
    const { patch } = assertReview(reply, withAnnotation(annotations.nodesConf, path));
    const added = patch.find(({ path }) => path.startsWith('/spec/initContainers'))?.value as {
      env: EnvVar[];
    }[];
    const written = added[0]?.env.find(({ name }) => name === 'NODES_CONF')?.value ?? '';
    // What the kubelet makes of it: `$$` is a dollar, and no `$(NAME)` is left to expand.
    t.equal(written.replaceAll('$$', '$'), path);
    t.notMatch(written.replaceAll('$$', ''), /\$/);
  }
});
type EnvVar = { name: string; value: string };

const annotated = (name: string, value: string) =>
  mutate(official, JSON.stringify(withAnnotation(name, value)));

function withAnnotation(name: string, value: string): Json {
  const review = JSON.parse(JSON.stringify(official.review));
  review.request.object.metadata.annotations = { [name]: value };
  return review;
}

function annotatedOwner(name: string, value: string): Promise<Reply> {
  const labels = { 'redis-ip-updater.io/inject': 'true' };
  const statefulSet = { metadata: { labels, annotations: { [name]: value } } };
  return mutate({ ...official, statefulSet }, JSON.stringify(official.review));
}

t.test('other webhooks between two calls: what they did stays, and nothing is injected twice', async (t) => {
  const first = assertReview(await mutate(official, JSON.stringify(official.review)), official.review)
    .pod as Pod;
  const [ours] = first.spec.initContainers;
  const sidecar = { name: 'proxy', image: 'proxy', restartPolicy: 'Always' };
  const table: Record<string, (pod: Pod) => void> = {
    'a sidecar before ours': ({ spec }) => spec.initContainers.unshift(sidecar),
    'the order turned round': ({ spec }) => {
      spec.initContainers = [sidecar, ...spec.initContainers].reverse();
      spec.volumes.reverse();
    },
    'our image from another registry': ({ spec }) => {
      spec.initContainers = [{ ...ours, image: 'mirror/updater', restartPolicy: 'Always' }];
    },
    'ours without anything': ({ spec }) => {
      spec.initContainers = [{ name: 'redis-ip-updater' }];
    },
    'ours twice': ({ spec }) => spec.initContainers.push(...spec.initContainers),
    'ephemeral containers': ({ spec }) => {
      spec.ephemeralContainers = [{ name: 'debug', image: 'redis' }];
    },
    'what we wrote on it taken away': ({ metadata }) => {
      metadata.labels = {};
      metadata.annotations = {};
    },
  };
  for (const [title, change] of Object.entries(table)) {
    const review = JSON.parse(JSON.stringify(official.review));
    review.request.object = JSON.parse(JSON.stringify(first));
    change(review.request.object);
    const { reason, patch } = assertReview(await mutate(official, JSON.stringify(review)), review);
    t.same([reason, patch], ['already-injected', []], title);
  }
});
type Pod = {
  metadata: Record<string, Record<string, string>>;
  spec: { initContainers: object[]; volumes: object[]; ephemeralContainers?: object[] };
};

/** Some took minutes to hours where code looked back over what it had read: then this test ends by its timeout. */
t.test('400 KB in one place keep nobody waiting', async (t) => {
  const size = 400_000;
  const container = () => JSON.parse(JSON.stringify(official.review)).request.object.spec.containers[0];
  const named = (name: string) => `$(${name})`;
  const names = Array.from({ length: size / 20 }, (_, index) => `V${index}`);
  const mount = { name: 'data', mountPath: '/data', subPathExpr: names.map(named).join('') };
  const table: Record<string, object> = {
    'digits of a quantity': { resources: { limits: { memory: `${'1'.repeat(size)}x` } } },
    'slashes of a mount': { volumeMounts: [{ name: 'data', mountPath: `${'/'.repeat(size)}data` }] },
    'variables of a subPathExpr': { volumeMounts: [mount], env: names.map((name) => ({ name, value: 'x' })) },
    'variables in one value': {
      volumeMounts: [{ ...mount, subPathExpr: '$(A)' }],
      env: [{ name: 'A', value: '$(B)'.repeat(size / 4) }, { name: 'B' }],
    },
    'spaces of a script': { args: [`--cluster-enabled${' '.repeat(size)}x`] },
    'slashes of a path': { args: ['--cluster-config-file', `/data${'/'.repeat(size)}nodes.conf`] },
    'colons of an image': { image: `redis${':'.repeat(size)}` },
    mounts: { volumeMounts: names.map((name) => ({ name: 'data', mountPath: `/data/${name}` })) },
  };
  for (const [title, change] of Object.entries(table)) {
    const review = JSON.parse(JSON.stringify(official.review));
    review.request.object.spec.containers = [{ ...container(), ...change }];
    const { reason } = assertReview(await mutate(official, JSON.stringify(review)), review);
    t.match(reason, /^(?:injected|not-persistent)$/, title);
  }
  const review = JSON.parse(JSON.stringify(official.review));
  review.request.object.metadata.name = 'x'.repeat(size);
  review.request.object.metadata.labels = Object.fromEntries(names.map((name) => [name, name]));
  t.equal(await judge(official, review), 'injected', 'a name and labels');
  review.request.object.metadata.labels = Object.fromEntries(names.map((name) => [name, 1]));
  t.equal(await judge(official, review), 'unreadable', 'labels that are none');
});
