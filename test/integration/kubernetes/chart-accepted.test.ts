/**
 * The manifests on real API servers: each rendering is accepted, the webhook configuration calls for exactly the
 * pods that it should, and the webhook's account may do its work and nothing else.
 */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PROJECT, WEBHOOK_SERVICE } from '../../../src/names.ts';
import { namespaceObjects } from '../../../src/provisioning/objects.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/kubernetes/control-plane.ts';
import { testedVersion } from '../../cluster/kubernetes/tested-version.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { template, valuesFiles } from '../../deploy/helm.ts';

const ACCOUNT = `system:serviceaccount:${PROJECT}:${WEBHOOK_SERVICE}`;
const CRDS = join(import.meta.dirname, '../../deploy/cert-manager-crds.yaml');

t.test(`Kubernetes ${testedVersion}`, async (t) => {
  const plane = await startControlPlane();
  t.teardown(() => plane.stop());
  await plane.kubectl(['apply', '--filename', CRDS]);
  await plane.kubectl(['wait', '--for=condition=Established', '--filename', CRDS]);

  await accepted(t, plane);
  await rights(t, plane);
  await calls(t, plane);
});

/** Strict: a field that the API server does not know is an error, as is one that a kind may not have. */
async function accepted(t: Test, plane: ControlPlane): Promise<void> {
  await t.test('every rendering is accepted', async (t) => {
    await plane.kubectl(['create', 'namespace', PROJECT]);
    const dryRun = (manifests: string) =>
      plane.kubectl(
        ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--filename=-'],
        manifests,
      );
    for (const [name, file] of Object.entries(valuesFiles)) {
      // The certificate of this one is none, which the API server sees.
      const settings = name === 'own-certificate' ? ['--set', 'certificates.caBundle='] : [];
      const text = await template(...(file ? ['--values', file] : []), ...settings);
      t.match(await dryRun(text), `mutatingwebhookconfiguration`, `values ${name}`);
    }
    await plane.kubectl(['apply', '--filename', 'certs/cert-manager/install.yaml']);
    await plane.kubectl(['apply', '--filename', 'deploy/install.yaml']);

    for (const example of ['redis', 'bitnami']) {
      const applied = await plane.kubectl(['apply', '--filename', `deploy/examples/${example}.yaml`]);
      t.match(applied, /statefulset\S+ created/, `example ${example}`);
    }
    await plane.kubectl(['create', 'namespace', 'redis-by-hand']);
    t.match(await plane.kubectl(['apply', '--filename', 'deploy/examples/nodes-txt.yaml']), 'configmap');
  });

  await t.test('the namespace of install.yaml admits the pods of its Deployment', async (t) => {
    type ReplicaSet = { spec: { replicas: number }; status: { replicas: number } };
    // The Deployment of cert-manager's manifests has one, too; no pod of it is ever ready, so it stays.
    const areThere = async () => {
      const path = `/apis/apps/v1/namespaces/${PROJECT}/replicasets`;
      const { items }: { items: ReplicaSet[] } = await plane.api.request('GET', path);
      return items.length > 0 && items.every(({ spec, status }) => status.replicas === spec.replicas);
    };
    await until('all pods are created, under the restricted Pod Security Standard', 20_000, areThere);
    t.pass('all pods are created, under the restricted Pod Security Standard');
  });
}

/** The rights as the account itself has them; what provisioning does is done, the rest is asked for. */
async function rights(t: Test, plane: ControlPlane): Promise<void> {
  const asWebhook = (...args: string[]) => ['--as', ACCOUNT, ...args];
  const apply = (object: object) =>
    plane.kubectl(
      asWebhook('apply', '--server-side', '--field-manager', PROJECT, '--filename=-'),
      JSON.stringify(object),
    );

  await t.test('provisions a namespace by server-side apply, twice', async (t) => {
    await plane.kubectl(['create', 'namespace', 'shop']);
    const needs = { namespace: 'shop', serviceAccounts: ['custom'], imagePullSecrets: ['pull'] };
    for (const [what, object] of Object.entries(namespaceObjects(needs))) {
      await apply(object);
      t.match(await apply(object), 'serverside-applied', what);
    }
  });

  await t.test('provisions nothing else', async (t) => {
    const { serviceAccount, role, roleBinding, configMap } = namespaceObjects({
      namespace: 'shop',
      serviceAccounts: [],
      imagePullSecrets: [],
    });
    for (const object of [serviceAccount, role, roleBinding, configMap]) {
      const other = { ...object, metadata: { ...object.metadata, name: 'other' } };
      await t.rejects(apply(other), /forbidden/i, `a ${object.kind} of another name`);
    }
    const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] };
    await t.rejects(
      apply({ ...role, rules: [...(role.rules ?? []), secrets] }),
      /attempting to grant RBAC permissions not currently held/,
      'a Role that grants more than it holds',
    );
  });

  await t.test('may do what its work needs, and no more', async (t) => {
    const table: [string, string, boolean][] = [
      ['list', 'statefulsets.apps --all-namespaces', true],
      ['watch', 'statefulsets.apps --all-namespaces', true],
      ['get', 'statefulsets.apps/redis --namespace shop', true],
      ['patch', 'statefulsets.apps/redis --namespace shop', false],
      ['list', 'limitranges --namespace shop', true],
      ['watch', 'namespaces', true],
      ['watch', 'roles/redis-ip-updater --all-namespaces', true],
      ['watch', 'roles --all-namespaces', false],
      ['list', 'configmaps --all-namespaces', false],
      ['patch', 'namespaces', false],
      ['list', 'pods --namespace shop', true],
      ['create', 'pods --namespace shop', false],
      ['delete', 'pods --namespace shop', false],
      ['create', 'events --namespace shop', true],
      ['patch', 'configmaps/redis-ip-updater-nodes --namespace shop', true],
      ['delete', 'configmaps/redis-ip-updater-nodes --namespace shop', false],
      ['get', 'configmaps/other --namespace shop', false],
      ['get', 'secrets --namespace shop', false],
      ['get', `secrets --namespace ${PROJECT}`, false],
      ['get', `secrets/other --namespace ${PROJECT}`, false],
      ...['get', 'list', 'watch', 'patch'].map((verb): [string, string, boolean] => [
        verb,
        `secrets/redis-ip-updater-webhook-ca --namespace ${PROJECT}`,
        true,
      ]),
      ['create', `secrets --namespace ${PROJECT}`, true],
      ['delete', `secrets/redis-ip-updater-webhook-ca --namespace ${PROJECT}`, false],
      ['get', 'secrets/redis-ip-updater-webhook-ca --namespace shop', false],
      ['patch', 'mutatingwebhookconfigurations/redis-ip-updater', true],
      ['patch', 'mutatingwebhookconfigurations/other', false],
      ['bind', 'roles/redis-ip-updater --namespace shop', false],
      ['escalate', 'roles/redis-ip-updater --namespace shop', false],
    ];
    const can = async (verb: string, what: string) => {
      // can-i ends with status 1 where the answer is no, and says so on stdout.
      const answer = plane.kubectl(asWebhook('auth', 'can-i', verb, ...what.split(' ')));
      return answer.then(
        () => true,
        () => false,
      );
    };
    for (const [verb, what, expected] of table) t.equal(await can(verb, what), expected, `${verb} ${what}`);
  });

  await t.test("with somebody else's certificate: neither Secret nor configuration", async (t) => {
    const objects = await template('--set', 'certificates.mode=secret');
    t.notMatch(objects, 'redis-ip-updater-webhook-ca');
    await plane.kubectl(['apply', '--filename=-'], objects);
    const patch = ['auth', 'can-i', 'patch', 'mutatingwebhookconfigurations/redis-ip-updater'];
    await t.rejects(plane.kubectl(asWebhook(...patch)));
    // Back to what the other tests expect.
    await plane.kubectl(['apply', '--filename', 'deploy/install.yaml']);
  });
}

type PodOptions = { namespace?: string; owner?: object | null; labels?: Record<string, string> };

/** Nobody serves the webhook here: a pod for which it is called cannot be created. */
async function calls(t: Test, plane: ControlPlane): Promise<void> {
  const statefulSet = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    name: 'redis',
    uid: 'u',
    controller: true,
  };
  const create = ({ namespace = 'opted-in', owner = statefulSet, labels }: PodOptions) => {
    const metadata = {
      generateName: 'pod-',
      ...(labels && { labels }),
      ...(owner && { ownerReferences: [owner] }),
    };
    const spec = { containers: [{ name: 'redis', image: 'redis' }] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec };
    return plane.api.request('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod);
  };
  const isCalled = (options: PodOptions) =>
    create(options).then(
      () => false,
      (error: Error) => {
        if (!/failed calling webhook \\"inject\.redis-ip-updater\.io\\"/.test(error.message)) throw error;
        return true;
      },
    );
  const labelled = 'redis-ip-updater.io/injection=enabled';

  await t.test('the webhook is called for these pods only', async (t) => {
    for (const namespace of ['opted-in', 'opted-out', 'elsewhere'])
      await plane.kubectl(['create', 'namespace', namespace]);
    for (const namespace of ['opted-in', 'kube-system', 'kube-node-lease', PROJECT])
      await plane.kubectl(['label', 'namespace', namespace, labelled]);
    await plane.kubectl(['label', 'namespace', 'opted-out', 'redis-ip-updater.io/injection=disabled']);
    // Our own namespace is restricted; here it is only about the webhook.
    await plane.kubectl(['label', 'namespace', PROJECT, 'pod-security.kubernetes.io/enforce-']);
    for (const namespace of ['opted-in', 'opted-out', 'elsewhere', 'kube-node-lease', 'kube-system', PROJECT])
      await until(`${namespace} has its service account`, 10_000, () =>
        plane.api
          .request('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`)
          .catch(() => false),
      );
    await until('the webhook configuration is in force', 10_000, () => isCalled({}));

    const inject = (value: string) => ({ labels: { 'redis-ip-updater.io/inject': value } });
    const table: [string, PodOptions, boolean][] = [
      ['of a StatefulSet, without labels', {}, true],
      ['of a StatefulSet, with other labels', { labels: { app: 'redis' } }, true],
      ['labelled "true"', inject('true'), true],
      ['labelled "false"', inject('false'), false],
      ['labelled with rubbish: the webhook judges', inject('no'), true],
      ['without an owner', { owner: null }, false],
      ['of a ReplicaSet', { owner: { ...statefulSet, kind: 'ReplicaSet' } }, false],
      [
        'of a StatefulSet of OpenKruise',
        { owner: { ...statefulSet, apiVersion: 'apps.kruise.io/v1' } },
        false,
      ],
      ['owned, but not controlled', { owner: { ...statefulSet, controller: false } }, false],
      ['owned, and no word about control', { owner: { ...statefulSet, controller: undefined } }, false],
      ['in a namespace without the label', { namespace: 'elsewhere' }, false],
      ['in a namespace with another value', { namespace: 'opted-out' }, false],
      ['in kube-system, labelled', { namespace: 'kube-system' }, false],
      ['in kube-node-lease, labelled', { namespace: 'kube-node-lease' }, false],
      ['in our own namespace, labelled', { namespace: PROJECT }, false],
    ];
    for (const [what, options, expected] of table) t.equal(await isCalled(options), expected, what);
  });

  await t.test('the caBundle that a user wrote survives the next apply', async (t) => {
    const caBundle = Buffer.from(plane.caPem).toString('base64');
    const patch = JSON.stringify([{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: caBundle }]);
    const configuration = 'mutatingwebhookconfiguration/redis-ip-updater';
    await plane.kubectl(['patch', configuration, '--type=json', '--patch', patch]);
    await plane.kubectl(['apply', '--filename', 'deploy/install.yaml']);
    const path = 'jsonpath={.webhooks[0].clientConfig.caBundle}';
    t.equal(await plane.kubectl(['get', configuration, '--output', path]), caBundle);
    await plane.kubectl(['apply', '--server-side', '--force-conflicts', '--filename', 'deploy/install.yaml']);
    t.equal(await plane.kubectl(['get', configuration, '--output', path]), caBundle, 'server-side as well');
  });
}
