/** The moments that a real API server cannot be made to have: what happens between two of our own requests. */
import t from 'tap';
import type { ProvisioningApi } from '../../src/kubernetes/provisioning-api.ts';
import { namespaceObjects } from '../../src/provisioning/objects.ts';
import {
  viewConfigMap,
  viewRole,
  viewRoleBinding,
  viewServiceAccount,
} from '../../src/provisioning/views.ts';
import { provision } from '../../src/webhook/provision.ts';
import { view } from '../provisioning/builders.ts';

const objects = namespaceObjects({ namespace: 'shop', serviceAccounts: [], imagePullSecrets: [] });
const observed = {
  serviceAccount: viewServiceAccount(objects.serviceAccount),
  role: viewRole(objects.role),
  roleBinding: viewRoleBinding(objects.roleBinding),
  configMap: viewConfigMap({ ...objects.configMap, data: { 'redis-0': 'a', 'redis-3': 'd' } }),
};
const shop = { metadata: { name: 'shop' }, terminating: false };

/** One pass over a namespace whose caches show redis-3 as scaled away; gives the calls that it made. */
async function pass(answers: Partial<ProvisioningApi>, seen = {}) {
  const calls: string[] = [];
  const api: ProvisioningApi = {
    apply: async ({ kind }) => void calls.push(`apply ${kind}`),
    readStatefulSet: async () => view('redis'),
    podExists: async () => false,
    removeEntry: async (_, { pod, id }) => {
      calls.push(`remove ${pod}=${id}`);
      return '7';
    },
    restoreEntry: async (_, { pod, id }, version) => void calls.push(`restore ${pod}=${id} at ${version}`),
    tell: async () => {},
    ...answers,
  };
  const outcome = await provision('shop', {
    api,
    look: () => ({ namespace: shop, statefulSets: [view('redis')], observed, ...seen }),
    imagePullSecrets: [],
    allowWrite: () => void calls.push('allowed?'),
    report: async ({ reason }) => void calls.push(`report ${reason}`),
    say: () => {},
  }).catch((error: Error) => error.message);
  return { outcome, calls };
}

t.test('a pod that is gone for good is forgotten', async (t) => {
  t.same(await pass({}), { outcome: 'provisioned', calls: ['remove redis-3=d'] });
});

t.test('the caches are old: the StatefulSet was scaled up again, or is gone', async (t) => {
  t.same((await pass({ readStatefulSet: async () => view('redis', { replicas: 4 }) })).calls, []);
  t.same((await pass({ readStatefulSet: async () => undefined })).calls, []);
});

t.test('its pod is still there', async (t) => {
  t.same((await pass({ podExists: async () => true })).calls, []);
});

t.test('its pod comes back while the entry is removed', async (t) => {
  const exists = [false, true];
  const { calls } = await pass({ podExists: async () => exists.shift() ?? true });
  t.same(calls, ['remove redis-3=d', 'restore redis-3=d at 7']);
});

t.test('the entry was changed, or another replica removed it', async (t) => {
  const exists = [false, true];
  const { outcome, calls } = await pass({
    podExists: async () => exists.shift() ?? true,
    removeEntry: async () => undefined,
  });
  t.same([outcome, calls], ['provisioned', []]);
});

t.test('a step that fails does not keep the others from their turn', async (t) => {
  const nothing = {
    serviceAccount: undefined,
    role: undefined,
    roleBinding: undefined,
    configMap: undefined,
  };
  const tried: string[] = [];
  const apply: ProvisioningApi['apply'] = async ({ kind }) => {
    tried.push(kind ?? '');
    if (kind === 'ServiceAccount' || kind === 'Role') throw new Error(`no ${kind}`);
  };
  const { outcome, calls } = await pass({ apply }, { observed: nothing });
  t.equal(outcome, 'no ServiceAccount');
  t.same(tried, ['ServiceAccount', 'Role', 'RoleBinding', 'ConfigMap']);
  t.same(calls, ['allowed?'], 'asked once for the pass');
});

t.test('not opted in, or being deleted', async (t) => {
  t.same(await pass({}, { namespace: undefined }), { outcome: 'left', calls: [] });
  t.same(await pass({}, { namespace: { ...shop, terminating: true } }), { outcome: 'left', calls: [] });
});

t.test('an obstacle hinders, and is reported', async (t) => {
  const role = viewRole({ ...objects.role, metadata: { name: 'redis-ip-updater' } });
  const { outcome, calls } = await pass({}, { observed: { ...observed, role } });
  t.same([outcome, calls], ['hindered', ['report ForeignObject', 'remove redis-3=d']]);
});

t.test('it cannot be seen whether the pod came back after the removal: the entry is put back', async (t) => {
  let asked = 0;
  const podExists = async () => {
    if (++asked === 2) throw new Error('timeout');
    return false;
  };
  t.same((await pass({ podExists })).calls, ['remove redis-3=d', 'restore redis-3=d at 7']);
});
