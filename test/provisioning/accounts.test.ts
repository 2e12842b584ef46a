import t from 'tap';
import { accountsToBind } from '../../src/provisioning/accounts.ts';
import { viewRoleBinding } from '../../src/provisioning/views.ts';
import { view } from './builders.ts';

type Shape = Parameters<typeof view>[1];

const keep = { 'redis-ip-updater.io/service-account': 'keep' };
const change = { 'redis-ip-updater.io/service-account': 'switch' };
const podLabels = { 'redis-ip-updater.io/inject': 'true' };

const binding = (...names: string[]) =>
  viewRoleBinding({
    metadata: { name: 'redis-ip-updater' },
    roleRef: { apiGroup: '', kind: 'Role', name: 'redis-ip-updater' },
    subjects: names.map((name) => ({ kind: 'ServiceAccount', name, namespace: 'shop' })),
  });

const table: [string, Shape, string[], string[]][] = [
  ['no account of its own: ours will do', {}, [], []],
  ['`default` by name', { account: 'default' }, [], []],
  ['`default` that is kept', { annotations: keep }, [], ['default']],
  ['kept by the pod', { podAnnotations: keep }, [], ['default']],
  ['the pod wins', { annotations: keep, podAnnotations: change }, [], []],
  ['its own', { account: 'shop' }, [], ['shop']],
  ['its own, labelled on the template', { labels: {}, podLabels, account: 'shop' }, [], ['shop']],
  ['ours by name', { account: 'redis-ip-updater' }, ['redis-ip-updater'], []],
  ['not labelled', { labels: {}, account: 'shop' }, [], []],
  ['no longer labelled: its pods still are injected', { labels: {}, account: 'shop' }, ['shop'], ['shop']],
  ['the account of older pods', { account: 'new' }, ['old'], ['new', 'old']],
  ['an account that no StatefulSet names any more', {}, ['orphaned'], ['orphaned']],
];
for (const [name, shape, bound, expected] of table) {
  t.test(name, async (t) => t.same(accountsToBind([view('redis', shape)], binding(...bound)), expected));
}

t.test('no subjects, as the API server writes it', async (t) => {
  const none = { ...binding(), subjects: null as unknown as undefined };
  t.same(accountsToBind([view('redis', { account: 'own' })], none), ['own']);
});

t.test('of several StatefulSets, each account once, in order', async (t) => {
  const statefulSets = ['b', 'a', 'b'].map((account) => view('redis', { account }));
  t.same(accountsToBind(statefulSets, undefined), ['a', 'b']);
});
