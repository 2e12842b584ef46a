import type { Test } from 'tap';
import type { Client } from '../client.ts';
import type { Pod } from '../objects.ts';
import { pod, pods } from './subject.ts';

/** What is special about pods. */
export function podsContract(t: Test, client: Client, namespace: string): void {
  const tokenMounts = ({ spec }: Pod) =>
    (spec.containers[0]?.volumeMounts ?? []).filter(
      ({ mountPath }) => mountPath === '/var/run/secrets/kubernetes.io/serviceaccount',
    ).length;

  t.test('a pod without account gets the account default and its token', async (t) => {
    const created = await client.create<Pod>(pods(namespace), pod('plain'));
    t.match(created.spec, {
      serviceAccountName: 'default',
      serviceAccount: 'default',
      restartPolicy: 'Always',
    });
    t.match(created.status, { phase: 'Pending' });
    t.equal(tokenMounts(created), 1);
  });

  t.test('automountServiceAccountToken: false leaves the token away', async (t) => {
    const created = await client.create<Pod>(
      pods(namespace),
      pod('tokenless', { automountServiceAccountToken: false }),
    );
    t.equal(tokenMounts(created), 0);
  });

  t.test('an account that does not exist is a 403', async (t) => {
    const { code, body } = await client.ask('POST', pods(namespace), {
      body: pod('lost', { serviceAccountName: 'nobody' }),
    });
    t.equal(code, 403);
    t.match(body, {
      reason: 'Forbidden',
      message: `pods "lost" is forbidden: error looking up service account ${namespace}/nobody: serviceaccount "nobody" not found`,
    });
  });

  t.test('a pod without containers, or with an unknown mount, is a 422', async (t) => {
    const empty = await client.ask('POST', pods(namespace), { body: pod('empty', { containers: [] }) });
    t.match(empty, { code: 422, body: { reason: 'Invalid' } });
    const containers = [{ name: 'main', image: 'x', volumeMounts: [{ name: 'none', mountPath: '/x' }] }];
    const body = pod('unmounted', { containers });
    t.match(await client.ask('POST', pods(namespace), { body }), { code: 422, body: { reason: 'Invalid' } });
  });

  t.test('the status is written apart from the rest', async (t) => {
    await client.create(pods(namespace), pod('reported'));
    const status = { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] };
    const labels = { written: 'yes' };
    const path = pods(namespace, 'reported');
    const aside = await client.merge<Pod>(path, { metadata: { labels }, status });
    t.notOk(aside.status?.podIP, 'not by a patch of the pod');
    const after = await client.merge<Pod>(`${path}/status`, { status });
    t.match(after, { status, metadata: { labels } });
  });

  t.test('a pod that no node has is deleted at once', async (t) => {
    await client.create(pods(namespace), pod('short-lived'));
    const { code, body } = await client.ask<Pod>('DELETE', pods(namespace, 'short-lived'));
    t.match({ code, kind: body.kind }, { code: 200, kind: 'Pod' });
    t.equal((await client.ask('GET', pods(namespace, 'short-lived'))).code, 404);
  });
}
