/** What is made, and what comes back out of a Secret that people can edit. */
import 'reflect-metadata';
import { createPrivateKey, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  X509CertificateGenerator,
} from '@peculiar/x509';
import t from 'tap';
import { decodeAuthority, encodeAuthority } from '../../src/certificates/authority.ts';
import { readBundle, readCertificate, writeBundle } from '../../src/certificates/certificate.ts';
import { issueAuthority, issueServing } from '../../src/certificates/issue.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const made = await issueAuthority(3650 * DAY_MS, NOW);
const other = await issueAuthority(3650 * DAY_MS, NOW);

t.test('the CA', async (t) => {
  const x509 = new X509Certificate(made.certificate.pem);
  t.equal(x509.ca, true);
  t.match(x509.subject, /^CN=redis-ip-updater CA [0-9a-f]{8}$/);
  t.equal(x509.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  t.equal(made.certificate.notBeforeMs, NOW - HOUR_MS);
  t.equal(made.certificate.notAfterMs, NOW + 3650 * DAY_MS);
  const later = await issueAuthority(DAY_MS, NOW + 9 * DAY_MS, made.certificate);
  t.equal(later.certificate.notBeforeMs, made.certificate.notBeforeMs, 'a later one is valid as early');
  const earlier = await issueAuthority(DAY_MS, NOW - 9 * DAY_MS, made.certificate);
  t.equal(earlier.certificate.notBeforeMs, NOW - 9 * DAY_MS - HOUR_MS, 'also after the clock went back');
});

t.test('the serving certificate', async (t) => {
  const serving = await issueServing(made, ['a.b.svc', 'a.b.svc.cluster.local'], NOW + 7 * DAY_MS);
  const x509 = new X509Certificate(serving.cert);
  t.equal(x509.ca, false);
  t.equal(x509.subjectAltName, 'DNS:a.b.svc, DNS:a.b.svc.cluster.local');
  t.same(x509.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'server authentication');
  t.ok(x509.verify(new X509Certificate(made.certificate.pem).publicKey));
  t.notOk(x509.verify(new X509Certificate(other.certificate.pem).publicKey));
  t.equal(serving.notBeforeMs, made.certificate.notBeforeMs, 'valid as early as its CA');
  t.equal(serving.notAfterMs, NOW + 7 * DAY_MS);
  t.equal(serving.authority, made.certificate.fingerprint);
  const long = await issueServing(made, ['a'], NOW + 9_999 * DAY_MS);
  t.equal(long.notAfterMs, made.certificate.notAfterMs, 'it does not outlive its CA');
});

t.test('in and out of the Secret', async (t) => {
  const authority = { ...made, retiring: [{ ...other.certificate, untilMs: NOW }] };
  const data = encodeAuthority(authority);
  t.same(Object.keys(data), ['ca.crt', 'ca.key', 'retiring.json']);
  t.notMatch(data['retiring.json'], /PRIVATE/, 'the keys of retiring CAs are gone');
  t.same(decodeAuthority(data), { kind: 'authority', authority });
  const { 'retiring.json': _, ...without } = data;
  t.match(decodeAuthority(without), { kind: 'authority', authority: { retiring: [] } });
});

t.test('a key in the older form, as openssl writes it, signs too', async (t) => {
  const sec1 = createPrivateKey(made.key).export({ type: 'sec1', format: 'pem' }).toString();
  t.match(sec1, /BEGIN EC PRIVATE KEY/);
  const decoded = decodeAuthority({ 'ca.crt': made.certificate.pem, 'ca.key': sec1 });
  if (decoded.kind !== 'authority') throw new Error(decoded.why);
  const serving = await issueServing(decoded.authority, ['a'], NOW + DAY_MS);
  t.ok(new X509Certificate(serving.cert).verify(new X509Certificate(made.certificate.pem).publicKey));
});

/** Somebody's own CA, with an extension that ours has not. */
async function foreign(extension: Extension): Promise<Record<string, string>> {
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const made = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  const keys = made as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=own',
    keys,
    notBefore: new Date(NOW),
    notAfter: new Date(NOW + DAY_MS),
    signingAlgorithm,
    extensions: [new BasicConstraintsExtension(true, undefined, true), extension],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { 'ca.crt': certificate.toString('pem'), 'ca.key': PemConverter.encode(key, 'PRIVATE KEY') };
}

t.test('an own CA whose certificates API servers would refuse is not used', async (t) => {
  // permittedSubtrees: names below example.org, and no others.
  const permitted = Buffer.from(`3011a00f300d820b${Buffer.from('example.org').toString('hex')}`, 'hex');
  const { clientAuth, serverAuth } = ExtendedKeyUsage;
  const withoutServer = /^ca\.crt has an extended key usage without server authentication$/;
  const table: [string, Extension, RegExp | undefined][] = [
    ['name constraints', new Extension('2.5.29.30', true, permitted), /^ca\.crt has name constraints$/],
    ['for clients only', new ExtendedKeyUsageExtension([clientAuth]), withoutServer],
    ['for nothing', new ExtendedKeyUsageExtension([]), /./],
    ['for servers, too', new ExtendedKeyUsageExtension([clientAuth, serverAuth]), undefined],
    [
      'that may sign no certificates',
      new KeyUsagesExtension(KeyUsageFlags.cRLSign, true),
      /not the .* of a CA/,
    ],
    ['that may', new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true), undefined],
  ];
  for (const [name, extension, why] of table) {
    const decoded = decodeAuthority(await foreign(extension));
    t.match(decoded, why ? { kind: 'unusable', why } : { kind: 'authority' }, name);
  }
});

t.test('what cannot be used is said', async (t) => {
  const good = encodeAuthority({ ...made, retiring: [] });
  const leaf = await issueServing(made, ['a'], NOW + DAY_MS);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const table: [Record<string, string>, RegExp][] = [
    [{ 'ca.crt': '' }, /^ca\.crt is missing$/],
    [{ 'ca.key': '' }, /^ca\.key is missing$/],
    [{ 'ca.crt': 'rubbish' }, /./],
    [{ 'ca.key': 'rubbish' }, /./],
    [{ 'ca.crt': good['ca.crt']?.slice(0, 200) ?? '' }, /./],
    [{ 'ca.key': other.key }, /^ca\.key is not the key of ca\.crt$/],
    [{ 'ca.key': rsa.export({ type: 'pkcs8', format: 'pem' }).toString() }, /^ca\.key is not a P-256 key$/],
    [{ 'ca.crt': leaf.cert, 'ca.key': leaf.key }, /^ca\.crt is not the certificate of a CA$/],
    [{ 'retiring.json': '{' }, /JSON/],
    [{ 'retiring.json': '{}' }, /no list/],
    [{ 'retiring.json': '[null]' }, /without a time/],
    [{ 'retiring.json': '[{"until":"soon","certificate":""}]' }, /without a time/],
    [{ 'retiring.json': '[{"until":"2026-11-22T10:00:00Z","certificate":"x"}]' }, /./],
  ];
  for (const [change, why] of table)
    t.match(decodeAuthority({ ...good, ...change }), { kind: 'unusable', why });
  t.match(decodeAuthority({}), { kind: 'unusable' });
});

t.test('a caBundle: every certificate once, rubbish passed over', async (t) => {
  const [a, b] = [made.certificate, other.certificate];
  const garbled = a.pem.replace(/\n[A-Za-z0-9+/]{20}/, '\n');
  const text = `# ours\n${a.pem}\nnoise\n${garbled}${b.pem}${a.pem}-----BEGIN CERTIFICATE-----`;
  t.same(readBundle(text), [a, b]);
  t.same(readBundle(''), []);
  t.same(readBundle(writeBundle([b, a])), [b, a]);
  t.equal(writeBundle([{ pem: 'x' }, { pem: 'y\n' }]), 'x\ny\n');
  t.throws(() => readCertificate('rubbish'));
});
