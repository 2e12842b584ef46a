/**
 * Self-managed certificates on a real API server: install.yaml's rights and webhook configuration, two replicas as
 * processes of the bundled program, and an API server that calls them through the Service's name.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { readBundle } from '../../../src/certificates/certificate.ts';
import { CA_SECRET, PROJECT } from '../../../src/names.ts';
import { freePorts } from '../../cluster/kubernetes/ports.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { template } from '../../deploy/helm.ts';
import { objectsOf } from '../../deploy/objects.ts';
import { CONFIGURATION, certificatesOf, get, isReady, type Replica, startStage, WAIT_MS } from './stage.ts';

const SECRET = `/api/v1/namespaces/${PROJECT}/secrets/${CA_SECRET}`;
const MERGE = 'application/merge-patch+json';
const LIFETIMES = {
  CA_LIFETIME_SECONDS: '600',
  SERVING_LIFETIME_SECONDS: '12',
  CERTIFICATE_CHECK_SECONDS: '0.5',
  CERTIFICATE_SETTLE_SECONDS: '2',
};

const stage = await startStage(t);
const { plane, api, leadTo, caBundle, createPod, whileCreating } = stage;
const ports = await freePorts(2);
await stage.install(objectsOf(await template('--set', 'certificates.mode=selfManaged', '--skip-tests')));

const start = (port: number) => stage.start({ ...LIFETIMES, NAMESPACE: PROJECT, PORT: String(port) });
let replicas: Replica[] = [];

t.test('before anybody serves, the API server cannot call', async (t) => {
  await leadTo(ports[0] ?? 0);
  await t.rejects(createPod(), /failed calling webhook/);
});

t.test('two replicas start at once', async (t) => {
  replicas = await Promise.all(ports.map(start));
  await until('both are ready', WAIT_MS, async () =>
    (await Promise.all(replicas.map(isReady))).every(Boolean),
  );
  const { data, type } = await api.request('GET', SECRET);
  t.equal(type, 'Opaque');
  t.equal(await caBundle(), Buffer.from(data['ca.crt'], 'base64').toString());
  for (const replica of replicas) {
    await leadTo(replica.port);
    await until('the API server calls it', WAIT_MS, async () => {
      await createPod().catch(() => {});
      return /^redis_ip_updater_admission_requests_total\{.*\} [1-9]/m.test(await get(replica, '/metrics'));
    });
  }
  for (const replica of replicas) {
    const metrics = await get(replica, '/metrics');
    t.match(metrics, /^redis_ip_updater_ca_bundle_matches 1$/m);
    const [, expiry] = /^redis_ip_updater_certificate_expiry_timestamp_seconds (\S+)$/m.exec(metrics) ?? [];
    t.ok(Math.abs(Number(expiry) - Date.now() / 1000) < 13);
  }
});

t.test('the configuration is at rest: the replicas read, and write nothing', async (t) => {
  const versions = async () =>
    Promise.all(
      [SECRET, CONFIGURATION].map(async (path) => (await api.request('GET', path)).metadata.resourceVersion),
    );
  const before = await versions();
  await delay(3_000);
  t.same(await versions(), before);
});

t.test(
  'serving certificates are renewed, the CA is asked for, deleted, spoiled: no call fails',
  async (t) => {
    const authorities = new Set<string>();
    const { created, refused } = await whileCreating(async () => {
      const note = async () => {
        for (const { fingerprint } of readBundle(await caBundle())) authorities.add(fingerprint);
      };
      await note();
      const annotations = { 'redis-ip-updater.io/rotate': '' };
      const acts: [string, () => Promise<unknown>][] = [
        ['asked for', () => api.request('PATCH', SECRET, { metadata: { annotations } }, MERGE)],
        ['deleted', () => api.request('DELETE', SECRET)],
        ['spoiled', () => api.request('PATCH', SECRET, { data: { 'ca.crt': 'cnViYmlzaA==' } }, MERGE)],
      ];
      await until('both renewed', WAIT_MS, () => replicas.every((replica) => certificatesOf(replica) === 2));
      for (const [index, [what, act]] of acts.entries()) {
        await leadTo(ports[index % 2] ?? 0);
        const before = authorities.size;
        await act();
        await until(`a new CA after it was ${what}`, WAIT_MS, async () => {
          await note();
          return authorities.size === before + 1;
        });
        // Past its first use.
        await delay(5_000);
      }
    });
    t.same([...new Set(refused)], [], `${created} pods, none refused`);
    t.ok(created > 20);
    t.equal(authorities.size, 4);
    for (const replica of replicas) {
      const { lines } = replica;
      const served = certificatesOf(replica);
      t.ok(served >= 5, `served ${served} certificates`);
      t.same(
        lines.filter(({ level, msg }) => level >= 40 && !/^made a new CA|^the CA /.test(msg)),
        [],
      );
    }
    const { items } = await api.request('GET', `/api/v1/namespaces/${PROJECT}/events`);
    const reasons = items
      .filter(({ involvedObject }: { involvedObject: { name: string } }) => involvedObject.name === CA_SECRET)
      .map(({ reason }: { reason: string }) => reason)
      .sort();
    t.same(
      reasons,
      ['Created', 'Repaired', 'Restored', 'Rotated'].map((what) => `CertificateAuthority${what}`),
    );
  },
);

t.test('an emptied caBundle is put right', async (t) => {
  const before = readBundle(await caBundle());
  await api.request(
    'PATCH',
    CONFIGURATION,
    [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }],
    'application/json-patch+json',
  );
  await until('it is back', WAIT_MS, async () => readBundle(await caBundle()).length === before.length);
  t.same(readBundle(await caBundle()), before);
});

t.test('a restarted API server, and a replica that starts meanwhile', async (t) => {
  const [first] = replicas.splice(0, 1);
  first?.child.kill('SIGTERM');
  if (first) t.same(await once(first.child, 'close'), [0, null]);
  await plane.stopApiServer();
  const late = await start(0);
  replicas.push(late);
  t.match(await get(late, '/readyz'), /could not read the Secret|has not been made yet/);
  await plane.startApiServer();
  await until('it is ready', 60_000, () => isReady(late));
  await leadTo(late.port);
  await until('it is called', WAIT_MS, () =>
    createPod().then(
      () => true,
      () => false,
    ),
  );
  t.match(await get(late, '/metrics'), /^redis_ip_updater_ca_bundle_matches 1$/m);
});

t.test(
  'all replicas restart while an old CA is still trusted: nobody waits for what is long known',
  async (t) => {
    const slower = { SERVING_LIFETIME_SECONDS: '100', CERTIFICATE_SETTLE_SECONDS: '8' };
    const begin = (env = {}) => stage.start({ ...LIFETIMES, ...slower, ...env, NAMESPACE: PROJECT });
    const end = ({ child }: Replica) => {
      child.kill('SIGTERM');
      return once(child, 'close');
    };
    await Promise.all(replicas.splice(0).map(end));
    const only = await begin();
    await until('it is ready', WAIT_MS, () => isReady(only));
    const trusted = async () => readBundle(await caBundle()).length;
    await until('former CAs have gone', WAIT_MS, async () => (await trusted()) === 1);
    const served = certificatesOf(only);
    await api.request(
      'PATCH',
      SECRET,
      { metadata: { annotations: { 'redis-ip-updater.io/rotate': '' } } },
      MERGE,
    );
    await until('the new CA is trusted', WAIT_MS, async () => (await trusted()) === 2);
    const young = await begin({ CERTIFICATE_SETTLE_SECONDS: '600' });
    await until('a replica that starts now waits', WAIT_MS, async () =>
      /so new/.test(await get(young, '/readyz')),
    );
    await until('the new CA signs', WAIT_MS, () => certificatesOf(only) > served);
    await Promise.all([only, young].map(end));
    // The rounding of two times.
    await delay(3_000);
    const next = await begin();
    const said = new Set<string>();
    await until('it is ready', WAIT_MS, async () => {
      const text = await get(next, '/readyz');
      said.add(text);
      return text === 'ok\n';
    });
    t.equal(await trusted(), 2);
    t.notMatch([...said].join(''), /so new/);
    await end(next);
  },
);
