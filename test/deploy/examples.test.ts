/** The examples do what they say: their pods, as the StatefulSet controller makes them, are injected. */
import t from 'tap';
import { parseNodeMap } from '../../src/addresses/node-map.ts';
import { NAMESPACE_LABEL, NAMESPACE_LABEL_VALUE, NODES_CONFIG_MAP, NODES_TXT_KEY } from '../../src/names.ts';
import { admit, applied } from '../admission/fixture.ts';
import { environment, type Manifest, objectsIn, theOne } from './objects.ts';

/** What is sent to the webhook for the first pod. */
function review(statefulSet: Manifest) {
  const { metadata, spec } = statefulSet;
  const claims = spec.volumeClaimTemplates.map((claim: Manifest) => ({
    name: claim.metadata?.name,
    persistentVolumeClaim: { claimName: `${claim.metadata?.name}-${metadata?.name}-0` },
  }));
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...spec.template.metadata,
      name: `${metadata?.name}-0`,
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'StatefulSet', name: metadata?.name, uid: 'u', controller: true },
      ],
    },
    spec: { ...spec.template.spec, volumes: [...(spec.template.spec.volumes ?? []), ...claims] },
  };
  const request = {
    uid: 'r',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: metadata?.namespace,
    operation: 'CREATE',
    object,
  };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
}

const examples = {
  redis: { nodesConf: '/data/nodes.conf', user: 999, account: 'redis-ip-updater' },
  bitnami: { nodesConf: '/bitnami/redis/data/nodes.conf', user: 1001, account: 'shop-redis-cluster' },
};

for (const [name, expected] of Object.entries(examples)) {
  t.test(name, async (t) => {
    const objects = objectsIn(`deploy/examples/${name}.yaml`);
    const namespace = theOne(objects, 'Namespace');
    t.equal(namespace.metadata?.labels?.[NAMESPACE_LABEL], NAMESPACE_LABEL_VALUE, 'the namespace opts in');
    for (const object of objects.filter((o) => o !== namespace))
      t.equal(object.metadata?.namespace, namespace.metadata?.name, `${object.kind} is in it`);

    const statefulSet = theOne(objects, 'StatefulSet');
    t.match(statefulSet.spec.template.metadata.labels, statefulSet.spec.selector.matchLabels);
    t.equal(theOne(objects, 'Service').metadata?.name, statefulSet.spec.serviceName);
    const { request } = review(statefulSet);
    const { reason, patch } = await admit(review(statefulSet), {
      findStatefulSet: async () => ({ metadata: { ...statefulSet.metadata, uid: 'u' } }),
      listLimitRanges: async () => [],
    });
    t.equal(reason, 'injected');
    const pod: Manifest = applied(request.object as Manifest, patch ?? []);
    const [updater] = pod.spec.initContainers;
    t.equal(environment(updater).NODES_CONF, expected.nodesConf);
    t.equal(updater.securityContext.runAsUser ?? pod.spec.securityContext.runAsUser, expected.user);
    t.equal(pod.spec.serviceAccountName, expected.account);
  });
}

t.test('nodes-txt', async (t) => {
  const configMap = theOne(objectsIn('deploy/examples/nodes-txt.yaml'), 'ConfigMap');
  t.equal(configMap.metadata?.name, NODES_CONFIG_MAP);
  t.same(Object.keys(configMap.data), [NODES_TXT_KEY]);
  const { podOfId, problems } = parseNodeMap(configMap.data);
  t.same([...podOfId.values()], ['redis-0', 'redis-1', 'redis-2']);
  t.same(problems, []);
});
