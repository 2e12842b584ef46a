/** The chart through helm: what values do, what is refused, and that the generated manifests are up to date. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { CHART, generate, manifests } from '../../../deploy/generate.ts';
import { certificateRules } from '../../../src/certificates/rights.ts';
import { PROJECT, WEBHOOK_SERVICE } from '../../../src/names.ts';
import { readConfig } from '../../../src/webhook/config.ts';
import { helm, render, template, valuesFiles } from '../../deploy/helm.ts';
import { environment, theOne } from '../../deploy/objects.ts';

for (const file of Object.keys(manifests)) {
  t.test(`${file} is what the chart makes`, async (t) => {
    t.equal(readFileSync(file, 'utf8'), await generate(file), 'or run `node deploy/generate.ts`');
  });
}

for (const [name, file] of Object.entries(valuesFiles)) {
  t.test(`values ${name}`, async (t) => {
    const lint = await helm('lint', '--strict', '--quiet', CHART, ...(file ? ['--values', file] : []));
    t.notMatch(lint, /WARNING|ERROR/);
    const objects = await render(name);
    const { spec } = theOne(objects, 'Deployment').spec.template;
    const env = environment(spec.containers[0]);
    const config = readConfig(env);
    t.same(
      Object.keys(env).filter((variable) => !(variable in config)),
      [],
      'the program knows and takes every variable',
    );
    for (const { kind, rules = [] } of objects.filter(({ kind }) => kind?.endsWith('Role')))
      t.notMatch(JSON.stringify(rules), '*', `${kind} without a wildcard`);
    for (const pod of [spec, theOne(objects, 'Pod').spec]) {
      t.match(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      t.match(pod.containers[0].securityContext, {
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });
}

t.test('in another namespace', async (t) => {
  const text = await template('--namespace', 'elsewhere');
  const outside = text
    .split('\n')
    .filter((line) => /^ *namespace: [^']/.test(line) && !line.includes('elsewhere'));
  t.same(outside, []);
  t.match(text, 'values: [kube-system, kube-node-lease, elsewhere]');
  t.match(text, `value: ${WEBHOOK_SERVICE}.elsewhere.svc`);
});

t.test("a certificate of one's own", async (t) => {
  const objects = await render('own-certificate');
  const [webhook] = theOne(objects, 'MutatingWebhookConfiguration').webhooks;
  const caBundle = Buffer.from(webhook.clientConfig.caBundle, 'base64').toString();
  t.equal(caBundle, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
  t.match(theOne(objects, 'Deployment').spec.template.spec.volumes, [{ secret: { secretName: 'my-tls' } }]);
  const test = theOne(objects, 'Pod').spec.containers[0];
  t.match(environment(test).CA, 'MIIB', 'helm test checks it');
  const container = theOne(objects, 'Deployment').spec.template.spec.containers[0];
  t.equal(environment(container).CERT_DIR, '/tls');
  t.same(container.volumeMounts, [{ name: 'tls', mountPath: '/tls', readOnly: true }]);
});

t.test('cert-manager with an issuer that is there', async (t) => {
  const objects = await render('cert-manager-issuer');
  t.same(
    objects.filter(({ kind }) => kind === 'Issuer'),
    [],
  );
  const { spec } = theOne(objects, 'Certificate');
  t.same(spec.issuerRef, { name: 'company-ca', kind: 'ClusterIssuer', group: 'cert-manager.io' });
  t.match(spec, { duration: '720h', renewBefore: '240h' });
});

t.test('self-managed: rights for it, and no Secret to wait for', async (t) => {
  const objects = await render('self-managed');
  const { spec } = theOne(objects, 'Deployment').spec.template;
  t.notOk(spec.volumes);
  t.notOk(spec.containers[0].volumeMounts);
  const role = theOne(objects, 'Role', WEBHOOK_SERVICE);
  t.equal(role.metadata?.namespace, PROJECT);
  t.same(role.rules, certificateRules.namespace);
  t.same(theOne(objects, 'ClusterRole').rules.at(-1), certificateRules.cluster[0]);
  const env: { name: string; valueFrom?: object }[] = spec.containers[0].env;
  t.match(
    env.find(({ name }) => name === 'NAMESPACE'),
    { valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
  );
  t.notOk('caBundle' in theOne(objects, 'MutatingWebhookConfiguration').webhooks[0].clientConfig);
});

t.test('host network: ports that no other replica of the node has', async (t) => {
  const objects = await render('host-network');
  const deployment = theOne(objects, 'Deployment').spec;
  t.same(deployment.strategy.rollingUpdate, { maxUnavailable: 1, maxSurge: 0 });
  const { spec } = deployment.template;
  t.match(spec, {
    hostNetwork: true,
    dnsPolicy: 'ClusterFirstWithHostNet',
    terminationGracePeriodSeconds: 45,
  });
  t.same(
    spec.containers[0].ports.map((port: { containerPort: number }) => port.containerPort),
    [18443, 18080],
  );
  t.match(environment(spec.containers[0]), {
    PORT: '18443',
    MANAGEMENT_PORT: '18080',
    DRAIN_SECONDS: '25',
    LOG_LEVEL: 'debug',
  });
  t.match(theOne(objects, 'NetworkPolicy').spec.ingress, [
    { ports: [{ port: 18443 }] },
    { ports: [{ port: 18080 }] },
  ]);
  const [webhook] = theOne(objects, 'MutatingWebhookConfiguration').webhooks;
  t.match(webhook, { failurePolicy: 'Ignore', timeoutSeconds: 3, clientConfig: { service: { port: 443 } } });
});

t.test('everything else', async (t) => {
  const objects = await render('everything');
  for (const { kind, metadata } of objects) t.equal(metadata?.labels?.team, 'storage', `label of ${kind}`);
  const { replicas, template } = theOne(objects, 'Deployment').spec;
  t.equal(replicas, 3);
  t.match(template.metadata, {
    labels: { mesh: 'off', team: 'storage' },
    annotations: { 'prometheus.io/scrape': 'true' },
  });
  const digest = '0123456789abcdef'.repeat(4);
  t.match(template.spec, {
    priorityClassName: 'system-cluster-critical',
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'dedicated' }],
    imagePullSecrets: [{ name: 'pull' }],
    topologySpreadConstraints: [{ topologyKey: 'rack' }],
    containers: [
      {
        image: 'registry.example:5000/team/hook:1.2',
        imagePullPolicy: 'Always',
        resources: { requests: { memory: '1Gi' }, limits: { memory: '2Gi' } },
      },
    ],
  });
  t.match(environment(template.spec.containers[0]), {
    UPDATER_IMAGE: `registry.example:5000/team/updater@sha256:${digest}`,
    UPDATER_IMAGE_PULL_POLICY: 'Never',
    UPDATER_IMAGE_PULL_SECRETS: 'pull,other.pull',
  });
  t.same(Object.keys(template.spec.affinity), ['nodeAffinity'], 'in place of the preference');
  t.equal(template.spec.topologySpreadConstraints.length, 1, 'in place of the spread');
  t.equal(theOne(objects, 'PodDisruptionBudget').spec.maxUnavailable, '50%');
  t.match(theOne(objects, 'NetworkPolicy').spec.ingress[1].from, [{ namespaceSelector: {} }]);
});

t.test('without the policy', async (t) => {
  t.notMatch(await template('--set', 'networkPolicy.enabled=false'), 'kind: NetworkPolicy');
});

t.test('values that are refused, and what is said', async (t) => {
  const table: [string, RegExp][] = [
    ['replicas=0', /\/replicas'?: minimum: got 0, want 1/],
    ['replica=3', /additional properties 'replica' not allowed/],
    [
      'certificates.mode=auto',
      /\/certificates\/mode'?: value must be one of 'secret', 'certManager', 'selfManaged'/,
    ],
    [
      'certificates.caBundle=LS0tLS1',
      /\/certificates\/caBundle'?: .* does not match pattern .*BEGIN CERTIFICATE/,
    ],
    [
      'certificates.caBundle=-----BEGIN CERTIFICATE-----',
      /certificates\.caBundle belongs to certificates\.mode=secret/,
    ],
    ['webhook.failurePolicy=fail', /\/webhook\/failurePolicy'?: value must be one of 'Fail', 'Ignore'/],
    ['webhook.timeoutSeconds=31', /\/webhook\/timeoutSeconds'?: maximum: got 31, want 30/],
    ['webhook.port=443', /\/webhook\/port'?: minimum: got 443, want 1,?024/],
    ['webhook.logLevel=verbose', /\/webhook\/logLevel'?: value must be one of/],
    ['webhook.managementPort=8443', /webhook\.port and webhook\.managementPort must differ/],
    ['image.webhook.digest=abc', /\/image\/webhook\/digest'?: 'abc' does not match pattern/],
    ['image.pullPolicy=always', /\/image\/pullPolicy'?: value must be one of/],
    ['labels.a=null,labels.b.c=1', /\/labels\/b'?: got object, want string/],
  ];
  for (const [setting, message] of table) {
    await t.rejects(template('--set', setting), message, setting);
  }
  await t.rejects(template('--kube-version', '1.29.0'), /requires kubeVersion: >=1\.30/);
});

t.test('notes', async (t) => {
  const notes = (...settings: string[]) =>
    helm('install', PROJECT, CHART, '--namespace', PROJECT, '--dry-run=client', ...settings);
  const unknownCa = await notes('--set', 'certificates.mode=secret');
  t.match(unknownCa, 'expected in the Secret redis-ip-updater-webhook-tls');
  t.match(unknownCa, 'certificates.caBundle is empty');
  t.notMatch(await notes('--values', valuesFiles['own-certificate'] ?? ''), 'certificates.caBundle is empty');
  t.match(await notes(), 'It makes its own certificate.');
  t.match(await notes('--set', 'certificates.mode=certManager'), 'NOTES:\nredis-ip-updater');
});
