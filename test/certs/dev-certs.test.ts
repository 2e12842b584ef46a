import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import t from 'tap';
import { issueDevelopmentCertificates } from '../../certs/dev-certs.ts';

t.test('a CA, and a serving certificate for the given names', async (t) => {
  const directory = `${t.testdir()}/made/below`;
  const hosts = ['redis-ip-updater-webhook.redis-ip-updater.svc', '127.0.0.1', '::1'];
  const files = await issueDevelopmentCertificates({ directory, hosts, days: 3 });
  const ca = new X509Certificate(readFileSync(files.caFile));
  const leaf = new X509Certificate(readFileSync(files.certFile));

  t.equal(files.ca, readFileSync(files.caFile, 'utf8'));
  t.ok(ca.ca && ca.verify(ca.publicKey));
  t.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
  t.notOk(leaf.ca);
  t.ok(leaf.checkPrivateKey(createPrivateKey(readFileSync(files.keyFile))));
  t.equal(statSync(files.keyFile).mode & 0o777, 0o600, 'the key is for its owner alone');
  t.ok(leaf.checkHost('redis-ip-updater-webhook.redis-ip-updater.svc'));
  t.ok(leaf.checkIP('127.0.0.1') && leaf.checkIP('::1'));
  t.notOk(leaf.checkHost('localhost'));
  t.ok(leaf.validToDate.getTime() - Date.now() > 2.9 * 86_400_000);
  t.ok(leaf.validFromDate.getTime() < Date.now() - 3_500_000, 'valid for clocks that are behind');
});

t.test('issued again, everything is replaced', async (t) => {
  const directory = t.testdir();
  const first = await issueDevelopmentCertificates({ directory, hosts: ['a.example'] });
  const cert = readFileSync(first.certFile, 'utf8');
  const second = await issueDevelopmentCertificates({ directory, hosts: ['a.example'] });
  t.not(second.ca, first.ca);
  t.not(readFileSync(second.certFile, 'utf8'), cert);
});
