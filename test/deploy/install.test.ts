/** What deploy/install.yaml, and with it the chart's defaults, must say. */
import { readFileSync } from 'node:fs';
import type { V1PolicyRule } from '@kubernetes/client-node';
import t from 'tap';
import packageJson from '../../package.json' with { type: 'json' };
import { certificateRules } from '../../src/certificates/rights.ts';
import {
  INJECT_LABEL,
  NAMESPACE_LABEL,
  NAMESPACE_LABEL_VALUE,
  PROJECT,
  WEBHOOK_CONFIGURATION,
  WEBHOOK_SERVICE,
} from '../../src/names.ts';
import { provisioningRules } from '../../src/provisioning/rights.ts';
import { readConfig } from '../../src/webhook/config.ts';
import { environment, objectsIn, theOne } from './objects.ts';

const objects = objectsIn('deploy/install.yaml');
const deployment = theOne(objects, 'Deployment', WEBHOOK_SERVICE);
const pod = deployment.spec.template.spec;
const [container] = pod.containers;

t.test('the objects, all under the names that are fixed', async (t) => {
  t.same(objects.map(({ kind, metadata }) => `${kind} ${metadata?.name}`).sort(), [
    `ClusterRole ${WEBHOOK_SERVICE}`,
    `ClusterRoleBinding ${WEBHOOK_SERVICE}`,
    `Deployment ${WEBHOOK_SERVICE}`,
    `MutatingWebhookConfiguration ${WEBHOOK_CONFIGURATION}`,
    `Namespace ${PROJECT}`,
    `NetworkPolicy ${WEBHOOK_SERVICE}`,
    `PodDisruptionBudget ${WEBHOOK_SERVICE}`,
    `Role ${WEBHOOK_SERVICE}`,
    `RoleBinding ${WEBHOOK_SERVICE}`,
    `Service ${WEBHOOK_SERVICE}`,
    `ServiceAccount ${WEBHOOK_SERVICE}`,
  ]);
  const isClusterWide = /^(Namespace|ClusterRole.*|Mutating.*)$/;
  for (const { kind, metadata } of objects) {
    t.equal(
      metadata?.namespace,
      isClusterWide.test(kind ?? '') ? undefined : PROJECT,
      `namespace of ${kind}`,
    );
  }
  t.equal(objects[0]?.kind, 'Namespace', 'kubectl applies from top to bottom');
  t.same(objects[0]?.metadata?.labels, { 'pod-security.kubernetes.io/enforce': 'restricted' });
});

t.test('the webhook configuration', async (t) => {
  const { webhooks } = theOne(objects, 'MutatingWebhookConfiguration');
  t.equal(webhooks.length, 1);
  const { name, matchConditions, ...webhook } = webhooks[0];
  t.equal(name, 'inject.redis-ip-updater.io');
  t.same(webhook, {
    clientConfig: { service: { name: WEBHOOK_SERVICE, namespace: PROJECT, path: '/mutate', port: 443 } },
    rules: [
      {
        operations: ['CREATE'],
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['pods'],
        scope: 'Namespaced',
      },
    ],
    namespaceSelector: {
      matchExpressions: [
        { key: NAMESPACE_LABEL, operator: 'In', values: [NAMESPACE_LABEL_VALUE] },
        {
          key: 'kubernetes.io/metadata.name',
          operator: 'NotIn',
          values: ['kube-system', 'kube-node-lease', PROJECT],
        },
      ],
    },
    matchPolicy: 'Equivalent',
    sideEffects: 'None',
    reinvocationPolicy: 'IfNeeded',
    timeoutSeconds: 5,
    failurePolicy: 'Fail',
    admissionReviewVersions: ['v1'],
  });
  t.same(
    matchConditions.map((condition: { name: string }) => condition.name),
    ['controlled-by-statefulset', 'not-opted-out'],
  );
  t.match(matchConditions[0].expression, "owner.kind == 'StatefulSet'");
  t.match(matchConditions[1].expression, `object.metadata.labels['${INJECT_LABEL}'] != 'false'`);
});

t.test('the Service leads to the Deployment', async (t) => {
  t.same(
    deployment.spec.selector.matchLabels,
    { 'app.kubernetes.io/name': PROJECT, 'app.kubernetes.io/component': 'webhook' },
    'which no upgrade can change',
  );
  const { spec } = theOne(objects, 'Service');
  t.same(spec.ports, [{ name: 'webhook', port: 443, targetPort: 'webhook' }]);
  t.same(spec.selector, deployment.spec.selector.matchLabels);
  t.match(deployment.spec.template.metadata.labels, spec.selector);
  t.match(container.ports, [{ name: 'webhook', containerPort: 8443 }, { name: 'management' }]);
});

t.test('the environment is one that the program takes', async (t) => {
  const env = environment(container);
  const config = readConfig(env);
  t.same(
    Object.keys(env).filter((name) => !(name in config)),
    [],
    'it knows every variable',
  );
  t.match(config, {
    UPDATER_IMAGE: `redis-ip-updater:${packageJson.version}`,
    UPDATER_IMAGE_PULL_POLICY: 'IfNotPresent',
    NAMESPACE: 'metadata.namespace',
    PORT: 8443,
    MANAGEMENT_PORT: 8080,
    DRAIN_SECONDS: 10,
    LOG_LEVEL: 'info',
  });
  t.equal(container.image, `redis-ip-updater-webhook:${packageJson.version}`);
  t.notOk(config.CERT_DIR, 'it makes its own certificate, with the lifetimes of its defaults');
  t.notOk(pod.volumes, 'so that its pods wait for nothing');
  t.ok(
    pod.terminationGracePeriodSeconds >= config.DRAIN_SECONDS + 15,
    'time to drain, and for a last request',
  );
});

t.test('available', async (t) => {
  t.equal(deployment.spec.replicas, 2);
  t.same(deployment.spec.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
  const labelSelector = { matchLabels: deployment.spec.selector.matchLabels };
  t.same(theOne(objects, 'PodDisruptionBudget').spec, {
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: labelSelector,
  });
  t.match(pod.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution, [
    { podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector } },
  ]);
  t.match(pod.topologySpreadConstraints, [
    { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector },
  ]);
  t.match(container.readinessProbe.httpGet, { path: '/readyz', port: 'management' });
  for (const probe of [container.livenessProbe, container.startupProbe])
    t.match(probe.httpGet, { path: '/livez', port: 'management' });
  t.ok(container.resources.requests.memory && container.resources.limits.memory);
});

t.test('restricted', async (t) => {
  t.match(pod.securityContext, {
    runAsNonRoot: true,
    runAsUser: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  t.same(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  t.notOk(pod.hostNetwork);
  t.equal(theOne(objects, 'ServiceAccount').automountServiceAccountToken, false);
  t.equal(pod.automountServiceAccountToken, true);
  const { spec } = theOne(objects, 'NetworkPolicy');
  t.same(spec, {
    podSelector: { matchLabels: deployment.spec.selector.matchLabels },
    policyTypes: ['Ingress'],
    ingress: [{ ports: [{ port: 8443 }] }, { ports: [{ port: 8080 }] }],
  });
});

/** What admission reads, beside what provisioning says of itself. */
const ADMISSION: V1PolicyRule[] = [
  { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['limitranges'], verbs: ['list'] },
];

/** One row for each resource and name that rules speak of, with all verbs. */
function rights(rules: V1PolicyRule[]): Record<string, string[]> {
  const rows: Record<string, string[]> = {};
  for (const { apiGroups = [], resources = [], resourceNames = ['(any)'], verbs } of rules) {
    for (const row of apiGroups.flatMap((group) =>
      resources.map((kind) => `${group}/${kind} ${resourceNames}`),
    ))
      rows[row] = [...new Set([...(rows[row] ?? []), ...verbs])].sort();
  }
  return rows;
}

t.test('rights: what the program says that it needs, and no wildcard', async (t) => {
  const { rules } = theOne(objects, 'ClusterRole');
  const cluster = [...ADMISSION, ...provisioningRules(), ...certificateRules.cluster];
  t.same(rights(rules), rights(cluster));
  t.same(rights(theOne(objects, 'Role').rules), rights(certificateRules.namespace));
  t.notMatch(JSON.stringify(rules), '*');
  const unlimited = Object.entries(rights(rules)).filter(
    ([row, verbs]) => row.endsWith('(any)') && verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)),
  );
  t.same(unlimited, [['/events (any)', ['create']]], 'all else that is written has a name');
  for (const binding of objects.filter(({ kind }) => kind?.endsWith('RoleBinding'))) {
    t.same(binding.subjects, [{ kind: 'ServiceAccount', name: WEBHOOK_SERVICE, namespace: PROJECT }]);
  }
});

t.test('one version', async (t) => {
  const chart = readFileSync('deploy/chart/Chart.yaml', 'utf8');
  t.match(chart, `\nversion: ${packageJson.version}\n`);
  t.match(chart, `\nappVersion: ${packageJson.version}\n`);
});

t.test('cert-manager: the Secret that is mounted, and the caBundle of the same certificate', async (t) => {
  const manifests = objectsIn('certs/cert-manager/install.yaml');
  const certificate = theOne(manifests, 'Certificate', WEBHOOK_SERVICE);
  t.same(certificate.spec.dnsNames, [`${WEBHOOK_SERVICE}.${PROJECT}.svc`], 'the name that API servers check');
  const { volumes } = theOne(manifests, 'Deployment').spec.template.spec;
  t.equal(certificate.spec.secretName, volumes[0].secret.secretName);
  const { metadata, webhooks } = theOne(manifests, 'MutatingWebhookConfiguration');
  t.same(metadata?.annotations, { 'cert-manager.io/inject-ca-from': `${PROJECT}/${WEBHOOK_SERVICE}` });
  t.notOk('caBundle' in webhooks[0].clientConfig, 'not taken away by the next apply');

  const ca = theOne(manifests, 'Certificate', 'redis-ip-updater-ca').spec;
  t.match(ca, { isCA: true, issuerRef: { name: 'redis-ip-updater-selfsigned' } });
  t.equal(ca.privateKey.rotationPolicy, 'Never', 'certificates of before its renewal verify after it');
  t.match(theOne(manifests, 'Issuer', 'redis-ip-updater-selfsigned').spec, { selfSigned: {} });
  t.match(theOne(manifests, 'Issuer', certificate.spec.issuerRef.name).spec, {
    ca: { secretName: ca.secretName },
  });

  const added = manifests.filter(({ kind }) => kind !== 'Certificate' && kind !== 'Issuer');
  const without = objects.filter(({ kind }) => kind !== 'Role' && kind !== 'RoleBinding');
  t.equal(added.length, without.length, 'but for the rights on the CA, nothing else is different');
});
