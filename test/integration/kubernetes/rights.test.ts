/**
 * Who may do what, on a real API server: every verb of every resource is asked for, as each account that we make or
 * bind, and the answers are compared with a table. What is dangerous is then really tried.
 */
import t, { type Test } from 'tap';
import {
  CA_SECRET,
  NODES_CONFIG_MAP,
  PROJECT,
  SERVICE_ACCOUNT,
  WEBHOOK_SERVICE,
} from '../../../src/names.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { template } from '../../deploy/helm.ts';
import { type Allowed, allowed, isAllowed } from './rights/allowed.ts';
import { type Attempt, attempts, done, type Place, remaining } from './rights/attempts.ts';
import {
  everyQuestion,
  everyResource,
  mayReach,
  mayThey,
  type Question,
  type Whom,
  whoIs,
} from './rights/every-request.ts';
import { applyRights, stage } from './rights/stage.ts';
import { writesOfTheMap } from './rights/writes-of-the-map.ts';

const NAMESPACES = ['shop', 'market', 'elsewhere', PROJECT];
/** Requests at a time: the API server is asked by one whom it never makes wait. */
const AT_ONCE = 16;
const WAIT_MS = 60_000;

const scene = await stage(t);
const { admin } = scene;
const accounts: Record<Exclude<keyof typeof allowed, typeof LATER>, [namespace: string, name: string]> = {
  'the webhook': [PROJECT, WEBHOOK_SERVICE],
  'the updater': ['shop', SERVICE_ACCOUNT],
  'a custom account of an injected StatefulSet': ['shop', 'custom'],
  'the default account': ['shop', 'default'],
};
const LATER = 'the webhook with a certificate from elsewhere';

const resources = await everyResource(admin);
const questions = [...everyQuestion(resources, NAMESPACES, namesOf)];

/** Our own name, for every resource; where the table names an object, also those of our others and a stranger's. */
function namesOf(resource: string): string[] {
  const isNamed = Object.values(allowed)
    .flat()
    .some((row) => row.resource === resource && row.name !== undefined);
  return isNamed ? [SERVICE_ACCOUNT, NODES_CONFIG_MAP, CA_SECRET, 'other'] : [SERVICE_ACCOUNT];
}

for (const [who, [namespace, name]] of Object.entries(accounts)) {
  t.test(`${who} may do what the table says, and nothing else`, async (t) => {
    const whom = await whoIs(await scene.as(namespace, name));
    await compare(t, whom, allowed[who as keyof typeof accounts]);
  });
}

async function compare(t: Test, whom: Whom, table: readonly Allowed[]): Promise<void> {
  const expected = questions.filter((question) => isAllowed(table, question));
  // The API server hears of a new binding a moment after it is written.
  await until('the rights are in force', WAIT_MS, async () => {
    const oneOfEach = table.flatMap((row) => expected.find((question) => isAllowed([row], question)) ?? []);
    return (await yes(whom, oneOfEach)).length === oneOfEach.length;
  });
  const granted = await yes(whom, questions);
  t.same(sentences(granted), sentences(expected));
  const idle = table.filter((row) => !granted.some((question) => isAllowed([row], question)));
  t.same(idle, [], 'no row of the table is without effect');
  t.comment(`${whom.username}: ${questions.length} asked for, ${granted.length} granted`);
}

function sentences(list: readonly Question[]): string[] {
  return list
    .map(
      ({ verb, resource, name, namespace }) => `${verb} ${resource} ${name ?? '*'} in ${namespace ?? 'all'}`,
    )
    .sort();
}

async function yes(whom: Whom, asked: readonly Question[]): Promise<Question[]> {
  const granted: Question[] = [];
  const waiting = asked.values();
  const worker = async () => {
    for (const question of waiting) if (await mayThey(admin, whom, question)) granted.push(question);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return granted;
}

t.test('paths that are no resources: what tells of the API itself', async (t) => {
  const paths: Record<string, boolean> = {
    ...Object.fromEntries(
      ['/api', '/apis', '/version', '/healthz', '/livez', '/readyz'].map((path) => [path, true]),
    ),
    ...Object.fromEntries(
      ['/metrics', '/logs', '/debug/pprof', '/configz', '/'].map((path) => [path, false]),
    ),
  };
  for (const [who, [namespace, name]] of Object.entries(accounts)) {
    const whom = await whoIs(await scene.as(namespace, name));
    for (const [path, expected] of Object.entries(paths))
      t.equal(await mayReach(admin, whom, 'get', path), expected, `${who}: ${path}`);
  }
});

t.test('what is dangerous is really tried', async (t) => {
  for (const [who, [namespace, name]] of Object.entries(accounts)) {
    const place: Place = { plane: scene.plane, token: await scene.token(namespace, name) };
    const list: Attempt[] = attempts(who === 'the webhook' ? 'the webhook' : 'an account of shop');
    for (const attempt of list) t.equal(await done(place, attempt), 403, `${who}: ${attempt.what}`);
    t.comment(`${who}: ${list.length} attempts`);
  }
});

t.test("what the webhook's token is good for beyond its work", async (t) => {
  const place: Place = { plane: scene.plane, token: await scene.token(PROJECT, WEBHOOK_SERVICE) };
  const CA = { metadata: { name: CA_SECRET }, stringData: { key: 'secret' } };
  await admin.request('POST', `/api/v1/namespaces/${PROJECT}/secrets`, CA);
  for (const attempt of remaining) t.equal(await done(place, attempt), 200, attempt.what);
});

t.test('a writer of the map, at the API', async (t) => {
  await writesOfTheMap(t, scene, await scene.as('shop', SERVICE_ACCOUNT));
});

t.test(`${LATER}: neither Secret nor webhook configuration`, async (t) => {
  await applyRights(scene.plane, await template('--set', 'certificates.mode=secret'));
  const left = { role: 'roles', binding: 'rolebindings' };
  for (const kind of Object.values(left))
    await scene.plane.kubectl(['delete', kind, WEBHOOK_SERVICE, '--namespace', PROJECT]);
  const whom = await whoIs(await scene.as(PROJECT, WEBHOOK_SERVICE));
  const configuration = {
    verb: 'get',
    resource: 'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  };
  await until('the API server knows', WAIT_MS, async () => {
    const gone = [
      { ...configuration, namespace: null, name: SERVICE_ACCOUNT },
      { verb: 'get', resource: 'secrets', namespace: PROJECT, name: CA_SECRET },
    ];
    return (await yes(whom, gone)).length === 0;
  });
  await compare(t, whom, allowed[LATER]);
});
