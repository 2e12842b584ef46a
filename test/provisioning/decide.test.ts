import type { V1ConfigMap, V1Role, V1RoleBinding, V1ServiceAccount } from '@kubernetes/client-node';
import t from 'tap';
import { type Observed, type Step, stepsFor } from '../../src/provisioning/decide.ts';
import { obstacleEvent } from '../../src/provisioning/event.ts';
import { namespaceObjects } from '../../src/provisioning/objects.ts';
import {
  viewConfigMap,
  viewRole,
  viewRoleBinding,
  viewServiceAccount,
} from '../../src/provisioning/views.ts';

const wanted = namespaceObjects({
  namespace: 'shop',
  serviceAccounts: ['own'],
  imagePullSecrets: ['registry'],
});

type There = {
  serviceAccount: V1ServiceAccount;
  role: V1Role;
  roleBinding: V1RoleBinding;
  configMap: V1ConfigMap;
};

/** What is there when all is well, then spoilt. */
function observed(spoil: (there: There) => void = () => {}): Observed {
  const there = structuredClone(wanted) as There;
  for (const { kind, metadata } of Object.values(there))
    Object.assign(metadata ?? {}, { uid: `uid-${kind}` });
  spoil(there);
  return {
    serviceAccount: viewServiceAccount(there.serviceAccount),
    role: viewRole(there.role),
    roleBinding: viewRoleBinding(there.roleBinding),
    configMap: viewConfigMap(there.configMap),
  };
}

const inShort = (steps: Step[]) =>
  steps.map((step) =>
    step.kind === 'apply'
      ? `apply ${step.object.kind} ${step.uid ?? 'anew'}`
      : `report ${step.object.kind} ${step.uid} ${step.reason}`,
  );

const meta = (object: { metadata?: object }) => object.metadata as { labels?: Record<string, string> };
const owned = [{ manager: 'redis-ip-updater', operation: 'Apply', fieldsV1: { 'f:imagePullSecrets': {} } }];

const table: [string, (there: There) => void, string[]][] = [
  ['all is well', () => {}, []],
  [
    'account: a pull secret more than we want',
    (o) => o.serviceAccount.imagePullSecrets?.push({ name: 'x' }),
    ['apply ServiceAccount uid-ServiceAccount'],
  ],
  [
    'account: our pull secret is missing',
    (o) => delete o.serviceAccount.imagePullSecrets,
    ['apply ServiceAccount uid-ServiceAccount'],
  ],
  [
    'account: it mounts its token',
    (o) => {
      o.serviceAccount.automountServiceAccountToken = true;
    },
    ['apply ServiceAccount uid-ServiceAccount'],
  ],
  [
    'account: somebody else’s',
    (o) => delete meta(o.serviceAccount).labels,
    ['report ServiceAccount uid-ServiceAccount ForeignObject'],
  ],
  [
    'role: a rule more',
    (o) => o.role.rules?.push({ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }),
    ['apply Role uid-Role'],
  ],
  ['role: no rules', (o) => delete o.role.rules, ['apply Role uid-Role']],
  [
    'null, as the API server writes empty lists',
    (o) => {
      for (const [object, list] of [
        [o.serviceAccount, 'imagePullSecrets'],
        [o.role, 'rules'],
        [o.roleBinding, 'subjects'],
        [o.configMap, 'data'],
      ] as const)
        Object.assign(object, { [list]: null });
    },
    ['apply ServiceAccount uid-ServiceAccount', 'apply Role uid-Role', 'apply RoleBinding uid-RoleBinding'],
  ],
  [
    'role: of another tool',
    (o) => Object.assign(meta(o.role), { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }),
    ['report Role uid-Role ForeignObject'],
  ],
  ['binding: a subject less', (o) => o.roleBinding.subjects?.pop(), ['apply RoleBinding uid-RoleBinding']],
  [
    'binding: a subject of another namespace',
    (o) => o.roleBinding.subjects?.push({ kind: 'ServiceAccount', name: 'own', namespace: 'x' }),
    ['apply RoleBinding uid-RoleBinding'],
  ],
  [
    'binding: of another role',
    (o) => {
      o.roleBinding.roleRef.name = 'admin';
    },
    ['report RoleBinding uid-RoleBinding OtherRoleRef'],
  ],
  [
    'binding: of another role and somebody else’s',
    (o) => {
      o.roleBinding.roleRef.name = 'admin';
      delete meta(o.roleBinding).labels;
    },
    ['report RoleBinding uid-RoleBinding ForeignObject'],
  ],
  [
    'map: made by hand, with data and without our label',
    (o) => {
      o.configMap.data = { 'nodes.txt': 'x', 'redis-0': 'y' };
      delete meta(o.configMap).labels;
    },
    [],
  ],
  [
    'map: immutable',
    (o) => {
      o.configMap.immutable = true;
    },
    ['report ConfigMap uid-ConfigMap ImmutableConfigMap'],
  ],
];
for (const [name, spoil, expected] of table) {
  t.test(name, async (t) => t.same(inShort(stepsFor(wanted, observed(spoil))), expected));
}

t.test('without pull secrets of ours the list is the user’s, unless it was ours', async (t) => {
  const none = namespaceObjects({ namespace: 'shop', serviceAccounts: ['own'], imagePullSecrets: [] });
  t.same(inShort(stepsFor(none, observed())), []);
  const before = observed((o) => Object.assign(o.serviceAccount.metadata ?? {}, { managedFields: owned }));
  t.same(inShort(stepsFor(none, before)), ['apply ServiceAccount uid-ServiceAccount']);
});

t.test('nothing is there', async (t) => {
  const nothing = {
    serviceAccount: undefined,
    role: undefined,
    roleBinding: undefined,
    configMap: undefined,
  };
  t.same(inShort(stepsFor(wanted, nothing)), [
    'apply ServiceAccount anew',
    'apply Role anew',
    'apply RoleBinding anew',
    'apply ConfigMap anew',
  ]);
});

t.test('of the map only entries are remembered', async (t) => {
  const { entries } = viewConfigMap({ data: { 'nodes.txt': 'x'.repeat(100_000), 'redis-0': 'y' } });
  t.same(entries, { 'redis-0': 'y' });
});

t.test(
  'an obstacle is one Event: its name is the same whoever tells it, its message says the way out',
  async (t) => {
    const obstacle = { reason: 'ForeignObject', object: wanted.role, uid: 'U-1' } as const;
    const event = obstacleEvent(obstacle, new Date(0));
    t.match(event, {
      metadata: { name: 'redis-ip-updater.foreignobject.role.u-1', namespace: 'shop' },
      involvedObject: { kind: 'Role', name: 'redis-ip-updater', namespace: 'shop', uid: 'U-1' },
      type: 'Warning',
      message: /^Role redis-ip-updater was not made by redis-ip-updater .* delete it and it is made anew\.$/,
    });
    t.equal(obstacleEvent(obstacle, new Date(1)).metadata.name, event.metadata.name);
    t.ok((event.message?.length ?? 0) < 1024);
  },
);
