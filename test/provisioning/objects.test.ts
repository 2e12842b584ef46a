import t from 'tap';
import { namespaceObjects } from '../../src/provisioning/objects.ts';

const objects = namespaceObjects({
  namespace: 'shop',
  serviceAccounts: ['zeta', 'alpha', 'alpha', 'redis-ip-updater'],
  imagePullSecrets: ['registry'],
});

t.test('everything has our fixed name, in the namespace', async (t) => {
  t.same(
    Object.values(objects).map(({ kind, metadata }) => [kind, metadata?.namespace, metadata?.name]),
    [
      ['ServiceAccount', 'shop', 'redis-ip-updater'],
      ['Role', 'shop', 'redis-ip-updater'],
      ['RoleBinding', 'shop', 'redis-ip-updater'],
      ['ConfigMap', 'shop', 'redis-ip-updater-nodes'],
    ],
  );
});

t.test('the role reads pods, reads and patches one ConfigMap, and no more', async (t) => {
  t.same(objects.role.rules, [
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'get'] },
    {
      apiGroups: [''],
      resources: ['configmaps'],
      verbs: ['get', 'patch'],
      resourceNames: ['redis-ip-updater-nodes'],
    },
  ]);
});

t.test('ours and every kept account is bound, once, in a stable order', async (t) => {
  t.same(
    objects.roleBinding.subjects?.map(({ name }) => name),
    ['redis-ip-updater', 'alpha', 'zeta'],
  );
});

t.test('no token is mounted for redis, and the data of the map is never ours', async (t) => {
  t.equal(objects.serviceAccount.automountServiceAccountToken, false);
  t.same(objects.serviceAccount.imagePullSecrets, [{ name: 'registry' }]);
  t.notOk('data' in objects.configMap);
});
