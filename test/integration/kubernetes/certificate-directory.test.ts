/**
 * Certificates that others make, on a real API server: cert-manager by certs/cert-manager/install.yaml, and one's own
 * by what certs/README.md says. Two replicas read directories that are filled as kubelets fill them, one later than
 * the other, and pods are created all the time.
 */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readBundle } from '../../../src/certificates/certificate.ts';
import { issueAuthority, issueServing } from '../../../src/certificates/issue.ts';
import { PROJECT, WEBHOOK_CONFIGURATION, WEBHOOK_SERVICE } from '../../../src/names.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { template } from '../../deploy/helm.ts';
import { environment, objectsIn, objectsOf, theOne } from '../../deploy/objects.ts';
import { certManager } from './cert-manager.ts';
import { mountSecret } from './mounted-secret.ts';
import { type Created, certificatesOf, get, isReady, type Replica, startStage, WAIT_MS } from './stage.ts';

const HOST = `${WEBHOOK_SERVICE}.${PROJECT}.svc`;
const DAY_MS = 86_400_000;

const stage = await startStage(t);
const { plane, api, caBundle, leadAnewTo, createPod, whileCreating } = stage;
const manifests = objectsIn('certs/cert-manager/install.yaml');
await plane.kubectl(['apply', '--filename=test/deploy/cert-manager-crds.yaml']);
await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
await stage.install(manifests);

/** Replicas as a Deployment says: its environment, with its mounted Secret in a directory for each. */
async function startReplicas(t: Test, deployment: ReturnType<typeof theOne>, data: Record<string, string>) {
  const { containers, volumes } = deployment.spec.template.spec;
  const [container] = containers;
  const { CERT_DIR, ...env } = environment(container);
  const mount = container.volumeMounts.find(({ mountPath }: { mountPath: string }) => mountPath === CERT_DIR);
  const { secret } = volumes.find(({ name }: { name: string }) => name === mount.name);
  const replicas: Replica[] = [];
  const directories = ['a', 'b'].map((name) => join(t.testdirName, name));
  for (const directory of directories) {
    mountSecret(directory, data);
    const own = { CERT_DIR: directory, PORT: '0', DRAIN_SECONDS: '0.2' };
    replicas.push(await stage.start({ ...(env as Record<string, string>), ...own }));
  }
  for (const replica of replicas) await until('it is ready', WAIT_MS, () => isReady(replica));
  /** A kubelet brings the Secret's content; resolves when the replica serves it. */
  const fill = async (index: number, content: Record<string, string>) => {
    const replica = replicas[index];
    const directory = directories[index];
    if (!replica || !directory) throw new Error(`there is no replica ${index}`);
    const before = certificatesOf(replica);
    mountSecret(directory, content);
    await until('the new pair is served', WAIT_MS, () => certificatesOf(replica) > before);
  };
  const stop = async () => {
    for (const { child } of replicas) child.kill('SIGTERM');
    return Promise.all(replicas.map(({ child }) => once(child, 'close')));
  };
  return { replicas, fill, stop, secretName: secret.secretName as string };
}

/** Three pods by each replica, over new connections. */
async function callBoth(result: Created, replicas: readonly Replica[]): Promise<void> {
  for (const { port } of replicas) {
    await leadAnewTo(port);
    const called = async () => Number(/requests_total\{.*\} (\d+)/.exec(await requests(port))?.[1] ?? 0);
    const before = await called();
    const refused = result.refused.length;
    await until('it is called', WAIT_MS, async () => {
      if (result.refused.length > refused) throw new Error(`refused: ${result.refused.at(-1)}`);
      return (await called()) >= before + 3;
    });
  }
  function requests(port: number): Promise<string> {
    const replica = replicas.find((candidate) => candidate.port === port);
    return replica ? get(replica, '/metrics') : Promise.resolve('');
  }
}

const distrust = async (replica: Replica) =>
  Number(
    /^redis_ip_updater_certificate_distrust_total (\d+)$/m.exec(await get(replica, '/metrics'))?.[1] ?? -1,
  );

t.test('cert-manager: the first certificate, its renewal, and the renewal of its CA', async (t) => {
  const manager = certManager(api, PROJECT);
  const deployment = theOne(manifests, 'Deployment');
  const [ca, webhook] = manifests.filter(({ kind }) => kind === 'Certificate').map((m) => m.metadata?.name);
  if (!ca || !webhook) throw new Error('install.yaml asks for no certificates');
  await manager.issue(ca);
  const data = await manager.issue(webhook);
  const { replicas, fill, stop, secretName } = await startReplicas(t, deployment, data);
  await api.request('GET', `/api/v1/namespaces/${PROJECT}/secrets/${secretName}`);
  await leadAnewTo(replicas[0]?.port ?? 0);
  await t.rejects(createPod(), /failed calling webhook/, 'without a caBundle nobody is trusted');
  await manager.inject();
  await until('a pod is created', WAIT_MS, () => createPod().catch(() => false));

  const { created, refused } = await whileCreating(async (result) => {
    await callBoth(result, replicas);
    const first = await caBundle();
    const renewed = await manager.issue(webhook);
    await manager.inject();
    t.equal(await caBundle(), first, 'a new certificate of the same CA');
    await callBoth(result, replicas);
    await fill(0, renewed);
    await callBoth(result, replicas);
    await fill(1, renewed);
    await callBoth(result, replicas);

    await manager.issue(ca);
    await manager.inject();
    t.equal(await caBundle(), first, 'the caBundle is that of the certificate, not of the CA');
    await callBoth(result, replicas);
    const ofNewCa = await manager.issue(webhook);
    await manager.inject();
    t.not(
      await caBundle(),
      first,
      'the renewed CA is trusted while both replicas show what the old one signed',
    );
    t.equal(readBundle(await caBundle()).length, 1);
    await callBoth(result, replicas);
    await fill(1, ofNewCa);
    await callBoth(result, replicas);
    await fill(0, ofNewCa);
    await callBoth(result, replicas);
  });
  t.comment(`${created} pods created, ${refused.length} refused`);
  t.same([...new Set(refused)], []);
  t.ok(created >= 48);
  t.match(await stop(), [
    [0, null],
    [0, null],
  ]);
});

t.test('your own: its renewal, and another CA in three steps; in the wrong order it shows', async (t) => {
  const objects = objectsOf(
    await template('--set', 'certificates.mode=secret', '--set', 'certificates.caBundle=', '--skip-tests'),
  );
  await plane.kubectl(['delete', 'mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION]);
  await stage.apply(objects);

  const files = join(t.testdirName, 'files');
  mkdirSync(files, { recursive: true });
  const authority = () => issueAuthority(100 * DAY_MS, Date.now());
  /** As certs/README.md and deploy/README.md say; `apply` so that it replaces as well. Gives the Secret's data. */
  const putPair = async (by: Awaited<ReturnType<typeof authority>>) => {
    const { cert, key } = await issueServing(by, [HOST], Date.now() + 50 * DAY_MS);
    writeFileSync(join(files, 'tls.crt'), cert);
    writeFileSync(join(files, 'tls.key'), key);
    const pair = [`--cert=${join(files, 'tls.crt')}`, `--key=${join(files, 'tls.key')}`];
    const name = 'redis-ip-updater-webhook-tls';
    const create = [
      '-n',
      PROJECT,
      'create',
      'secret',
      'tls',
      name,
      ...pair,
      '--dry-run=client',
      '-o',
      'yaml',
    ];
    await plane.kubectl(
      ['apply', '--server-side', '--force-conflicts', '-f', '-'],
      await plane.kubectl(create),
    );
    const secret = await api.request('GET', `/api/v1/namespaces/${PROJECT}/secrets/${name}`);
    return secret.data as Record<string, string>;
  };
  const trust = async (...cas: { certificate: { pem: string } }[]) => {
    const value = Buffer.from(cas.map(({ certificate }) => certificate.pem).join('')).toString('base64');
    const patch = JSON.stringify([{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value }]);
    const what = ['mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION, '--type=json', '--patch', patch];
    await plane.kubectl(['patch', ...what]);
  };

  const [old, next, hasty] = [await authority(), await authority(), await authority()];
  await trust(old);
  const { replicas, fill, stop, secretName } = await startReplicas(
    t,
    theOne(objects, 'Deployment'),
    await putPair(old),
  );
  t.equal(secretName, 'redis-ip-updater-webhook-tls');
  const [first] = replicas;
  if (!first) throw new Error('there is no replica');
  await leadAnewTo(first.port);
  await until('a pod is created', WAIT_MS, () => createPod().catch(() => false));

  const { created, refused } = await whileCreating(async (result) => {
    const renewed = await putPair(old);
    for (const index of [0, 1]) {
      await fill(index, renewed);
      await callBoth(result, replicas);
    }
    await trust(old, next);
    await callBoth(result, replicas);
    const ofNext = await putPair(next);
    for (const index of [0, 1]) {
      await fill(index, ofNext);
      await callBoth(result, replicas);
    }
    await trust(next);
    await callBoth(result, replicas);
  });
  t.comment(`${created} pods created, ${refused.length} refused`);
  t.same([...new Set(refused)], []);
  t.ok(created >= 36);
  for (const replica of replicas) t.equal(await distrust(replica), 0, 'nobody distrusted what was served');

  await fill(0, await putPair(hasty));
  await leadAnewTo(first.port);
  await until('the wrong order is seen', WAIT_MS, async () => {
    await createPod().catch((error) => t.match(error.message, /failed calling webhook.*certificate/));
    return (await distrust(first)) > 0;
  });
  const said = first.lines.filter(({ level, msg }) => level === 40 && /does not trust .* caBundle/.test(msg));
  t.ok(said.length > 0, 'and said');
  await trust(next, hasty);
  await until('a pod is created again', WAIT_MS, () => createPod().catch(() => false));
  t.match(await stop(), [
    [0, null],
    [0, null],
  ]);
});
