/** The control planes that the integration tests stand on: both versions boot, serve, restart and vanish. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import t from 'tap';
import { auditEvents, METADATA_AUDIT_POLICY } from '../../cluster/kubernetes/audit.ts';
import { binaries } from '../../cluster/kubernetes/build.ts';
import { startControlPlane } from '../../cluster/kubernetes/control-plane.ts';
import { testedVersion } from '../../cluster/kubernetes/tested-version.ts';
import { traces } from '../../cluster/kubernetes/traces.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { requestToken } from '../../cluster/kubernetes/users.ts';

t.test(`Kubernetes ${testedVersion}`, async (t) => {
  // Not part of the boot time: the first run on a machine builds it.
  await binaries(`v${testedVersion}`);
  const startedAt = performance.now();
  const plane = await startControlPlane({ auditPolicy: METADATA_AUDIT_POLICY });
  t.teardown(() => plane.stop());
  t.comment(`booted in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);

  const { gitVersion } = await plane.api.request('GET', '/version');
  t.match(gitVersion, new RegExp(`^v${testedVersion}\\.\\d+$`), 'reports its version');

  await plane.kubectl(['create', 'namespace', 'first']);
  const account = '/api/v1/namespaces/first/serviceaccounts/default';
  await until('the controller manager provides the service account', 60_000, () =>
    plane.api.request('GET', account).catch(() => false),
  );
  const token = await requestToken(plane.api, 'first', 'default');
  t.match(token, /^eyJ/, 'signs service account tokens');
  await t.rejects(
    plane.kubectl(['--token', token, 'get', 'secrets', '--namespace', 'first']),
    /system:serviceaccount:first:default.*cannot list/s,
    'RBAC knows the service account and refuses it',
  );
  const username = 'system:serviceaccount:first:default';
  const requests = auditEvents(plane.auditLog ?? '', username).filter(({ objectRef }) => objectRef);
  t.match(
    requests.map(({ verb, objectRef, responseStatus }) => [verb, objectRef?.resource, responseStatus?.code]),
    [['list', 'secrets', 403]],
    'the audit log tells its requests from others',
  );

  await plane.restartApiServer();
  t.match(
    await plane.kubectl(['get', 'namespaces', '--output=name']),
    'namespace/first',
    'a restart keeps what is stored',
  );

  const name = basename(plane.directory);
  t.not(traces(name).length, 0, 'while it runs there are traces of it');
  await plane.stop();
  t.same(traces(name), [], 'stop leaves nothing behind');
});

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  t.test(`${signal} of the test process`, async (t) => {
    const module = import.meta.resolve('../../cluster/kubernetes/control-plane.ts');
    const program = `
      import { startControlPlane } from ${JSON.stringify(module)};
      const plane = await startControlPlane();
      console.log(plane.directory);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const name = basename(line.toString().trim());
    t.not(traces(name).length, 0, 'while it runs there are traces of it');
    child.kill(signal);
    await once(child, 'exit');
    await until('nothing is left behind', 60_000, () => traces(name).length === 0);
  });
}
