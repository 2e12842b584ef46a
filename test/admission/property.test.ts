import { deepStrictEqual, strictEqual } from 'node:assert';
import fc from 'fast-check';
import t from 'tap';
import { admit, applied } from './fixture.ts';

/**
 * Pods are generated from a handful of choices, and the wanted pod is built from the same choices by this second,
 * plain implementation: by editing the object, not by patching it.
 */
const name = fc.stringMatching(/^[a-z][a-z0-9]{0,7}$/).filter((text) => !text.includes('redis'));
const hostileKey = fc.oneof(
  fc.string(),
  fc.constantFrom('__proto__', 'constructor', 'a/b~c', '~1', '~0/', ''),
);
const stringMap = fc.array(fc.tuple(hostileKey, fc.string())).map(asOwnProperties);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const choices = fc.record({
  labels: maybe(stringMap),
  annotations: maybe(stringMap),
  directory: fc.constantFrom('/data', '/srv/a b', '/srv/ü', '/$x'),
  runAsUser: maybe(fc.constantFrom(0, 1, 999)),
  userOnPod: fc.boolean(),
  resources: maybe(
    fc.constantFrom({ requests: { memory: '1Gi' } }, { limits: { cpu: '1', memory: '64Mi' } }),
  ),
  serviceAccount: fc.constantFrom(undefined, 'default', 'own'),
  initContainers: maybe(fc.array(fc.record({ name, image: name, extra: fc.json() }))),
  sidecars: fc.array(fc.record({ name, image: name })),
  order: fc.constantFrom('first', 'last'),
  unknownField: fc.jsonValue(),
});
type Choices = typeof choices extends fc.Arbitrary<infer T> ? T : never;

t.test('the applied patch is the wanted pod, and only adds', async (t) => {
  const result = await fc.check(
    fc.asyncProperty(choices, async (chosen) => {
      const pod = podOf(chosen);
      const before = JSON.stringify(pod);
      const { patch } = await admit(reviewOf(pod), portsOf(chosen));
      strictEqual(JSON.stringify(pod), before, 'the request is not changed');
      deepStrictEqual(
        patch?.map(({ op }) => op).filter((op) => op !== 'add'),
        [],
      );
      strictEqual(serialized(applied(pod, patch ?? [])), serialized(wantedPod(chosen)));
    }),
    { numRuns: 300 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? '300 pods');
});

t.test('admitting the injected pod again yields no patch', async (t) => {
  const result = await fc.check(
    fc.asyncProperty(choices, async (chosen) => {
      const pod = podOf(chosen);
      const { patch } = await admit(reviewOf(pod), portsOf(chosen));
      const again = await admit(reviewOf(applied(pod, patch ?? [])), portsOf(chosen));
      strictEqual(again.patch, undefined);
    }),
    { numRuns: 100 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? '100 pods');
});

function podOf(chosen: Choices) {
  const user = chosen.runAsUser === undefined ? {} : { securityContext: { runAsUser: chosen.runAsUser } };
  return plain({
    metadata: {
      name: 'r-0',
      labels: chosen.labels,
      annotations: chosen.annotations,
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'r', uid: 'u', controller: true },
      ],
    },
    spec: {
      containers: [
        ...chosen.sidecars,
        {
          name: 'redis',
          image: 'redis:8',
          workingDir: chosen.directory,
          args: ['redis-server', '--cluster-config-file', 'nodes.conf'],
          resources: chosen.resources,
          volumeMounts: [{ name: 'data', mountPath: chosen.directory, future: chosen.unknownField }],
          ...(chosen.userOnPod ? {} : user),
        },
      ],
      initContainers: chosen.initContainers,
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-r-0' } }],
      serviceAccountName: chosen.serviceAccount,
      unknownField: chosen.unknownField,
      ...(chosen.userOnPod ? user : {}),
    },
  });
}

function wantedPod(chosen: Choices) {
  const { metadata, spec, ...rest } = podOf(chosen);
  const path = `${chosen.directory}/nodes.conf`;
  const status = JSON.stringify({ version: '1.2.3', container: 'redis', path });
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const rootless = { capabilities: { drop: ['ALL'] } };
  const root = { capabilities: { drop: ['ALL'], add: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'] } };
  const updater = {
    name: 'redis-ip-updater',
    image: 'redis-ip-updater:1.2.3',
    env: [
      field('POD_NAME', 'metadata.name'),
      field('POD_NAMESPACE', 'metadata.namespace'),
      field('POD_IP', 'status.podIP'),
      field('POD_IPS', 'status.podIPs'),
      { name: 'NODES_CONF', value: path.split('$').join('$$') },
      { name: 'NODES_CONF_VOLUME', value: chosen.directory.split('$').join('$$') },
      { name: 'NODES_MAP', value: '/nodes' },
      { name: 'SERVICE_ACCOUNT_DIR', value: '/var/run/secrets/kubernetes.io/serviceaccount' },
    ],
    volumeMounts: [
      { name: 'data', mountPath: chosen.directory, future: chosen.unknownField },
      { name: 'redis-ip-updater-nodes', mountPath: '/nodes', readOnly: true },
      {
        name: 'redis-ip-updater-token',
        mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
        readOnly: true,
      },
    ],
    resources: chosen.resources,
    securityContext: {
      runAsUser: chosen.runAsUser ?? 0,
      runAsNonRoot: Boolean(chosen.runAsUser),
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: 'RuntimeDefault' },
      ...(chosen.runAsUser ? rootless : root),
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
  const others = chosen.initContainers ?? [];
  const ours = chosen.serviceAccount === 'own' ? 'own' : 'redis-ip-updater';
  return plain({
    ...rest,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, 'redis-ip-updater.io/injected': 'true' },
      annotations: { ...metadata.annotations, 'redis-ip-updater.io/status': status },
    },
    spec: {
      ...spec,
      initContainers: chosen.order === 'first' ? [updater, ...others] : [...others, updater],
      volumes: [
        ...spec.volumes,
        { name: 'redis-ip-updater-nodes', configMap: { name: 'redis-ip-updater-nodes', optional: true } },
        {
          name: 'redis-ip-updater-token',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'token', expirationSeconds: 600 } },
              { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            ],
          },
        },
      ],
      serviceAccountName: ours,
      ...(ours === 'own' ? {} : { serviceAccount: ours }),
    },
  });
}

function reviewOf(object: object) {
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const request = { uid: '1', kind, operation: 'CREATE', namespace: 'shop', object };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
}

function portsOf({ order }: Choices) {
  const labels = { 'redis-ip-updater.io/inject': 'true' };
  const annotations = { 'redis-ip-updater.io/order': order };
  return {
    findStatefulSet: async () => ({ metadata: { labels, annotations } }),
    listLimitRanges: async () => {
      throw new Error('memory is not raised');
    },
  };
}

/** As it comes out of JSON: no undefined members, `__proto__` an own property. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

function asOwnProperties(entries: [string, string][]): Record<string, string> {
  const members = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return JSON.parse(`{${members.join(',')}}`);
}

/** JSON with sorted members: order within an object carries no meaning. */
function serialized(value: unknown): string {
  return JSON.stringify(value, (_, member) => {
    if (member === null || typeof member !== 'object' || Array.isArray(member)) return member;
    return Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1));
  });
}
