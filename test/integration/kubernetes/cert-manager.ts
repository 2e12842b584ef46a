/**
 * Stands in for cert-manager and its cainjector: does what the Certificates, Issuers and annotations that the API
 * server holds ask for, when it is told to.
 */
import 'reflect-metadata';
import { type webcrypto as crypto, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { readCertificate } from '../../../src/certificates/certificate.ts';
import { issueServing } from '../../../src/certificates/issue.ts';
import type { Api } from '../../cluster/kubernetes/api.ts';

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const CERT_MANAGER = '/apis/cert-manager.io/v1/namespaces';
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

type Spec = {
  isCA?: boolean;
  commonName?: string;
  secretName: string;
  dnsNames?: string[];
  duration: string;
  privateKey: { rotationPolicy: 'Never' | 'Always' };
  issuerRef: { name: string };
};

const base64 = (text: string) => Buffer.from(text).toString('base64');
const text = (data: string) => Buffer.from(data, 'base64').toString();

export function certManager(api: Api, namespace: string) {
  const secretPath = (name: string) => `/api/v1/namespaces/${namespace}/secrets/${name}`;
  const specOf = async (kind: string, name: string) =>
    (await api.request('GET', `${CERT_MANAGER}/${namespace}/${kind}/${name}`)).spec;
  const secretOf = (name: string) => api.request('GET', secretPath(name)).catch(() => undefined);

  /** Issues what a Certificate asks for, the first time or again, and writes its Secret; gives the Secret's data. */
  async function issue(name: string): Promise<Record<string, string>> {
    const spec: Spec = await specOf('certificates', name);
    const issuer = await specOf('issuers', spec.issuerRef.name);
    const data = spec.isCA ? await selfSigned(spec) : await signed(spec, issuer.ca.secretName);
    const metadata = {
      name: spec.secretName,
      annotations: { 'cert-manager.io/certificate-name': name },
    };
    const isThere = await secretOf(spec.secretName);
    if (isThere) {
      await api.request('PATCH', secretPath(spec.secretName), { data }, 'application/merge-patch+json');
    } else {
      await api.request('POST', `/api/v1/namespaces/${namespace}/secrets`, {
        metadata,
        type: 'kubernetes.io/tls',
        data,
      });
    }
    return data;
  }

  async function selfSigned({ commonName, secretName, duration, privateKey }: Spec) {
    const present = privateKey.rotationPolicy === 'Never' ? await secretOf(secretName) : undefined;
    const keys = present ? await keysOf(text(present.data['tls.key'])) : await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: `CN=${commonName}`,
      keys,
      notBefore: new Date(),
      notAfter: new Date(Date.now() + hoursMs(duration)),
      signingAlgorithm: ECDSA,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const key = PemConverter.encode(
      await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
      'PRIVATE KEY',
    );
    const pem = certificate.toString('pem');
    return { 'tls.crt': base64(pem), 'tls.key': base64(key), 'ca.crt': base64(pem) };
  }

  async function signed({ dnsNames = [], duration }: Spec, caSecretName: string) {
    const ca = await api.request('GET', secretPath(caSecretName));
    const authority = {
      certificate: readCertificate(text(ca.data['tls.crt'])),
      key: text(ca.data['tls.key']),
    };
    const pair = await issueServing(authority, dnsNames, Date.now() + hoursMs(duration));
    return { 'tls.crt': base64(pair.cert), 'tls.key': base64(pair.key), 'ca.crt': ca.data['tls.crt'] };
  }

  /** As cainjector: every webhook of a configuration with the annotation gets ca.crt of that Certificate's Secret. */
  async function inject(): Promise<void> {
    for (const { metadata, webhooks } of (await api.request('GET', CONFIGURATIONS)).items) {
      const [ofNamespace, name] = (metadata.annotations?.['cert-manager.io/inject-ca-from'] ?? '').split('/');
      if (ofNamespace !== namespace) continue;
      const { secretName }: Spec = await specOf('certificates', name);
      const secret = await api.request('GET', secretPath(secretName));
      if (secret.metadata.annotations['cert-manager.io/certificate-name'] !== name) continue;
      const patch = webhooks.map((_: unknown, index: number) => ({
        op: 'add',
        path: `/webhooks/${index}/clientConfig/caBundle`,
        value: secret.data['ca.crt'],
      }));
      await api.request('PATCH', `${CONFIGURATIONS}/${metadata.name}`, patch, 'application/json-patch+json');
    }
  }

  return { issue, inject };
}

const hoursMs = (duration: string) => Number.parseInt(duration, 10) * 3_600_000;

const newKeys = () => webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);

/** The pair of a private key: the public half is in it. */
async function keysOf(pem: string): Promise<crypto.CryptoKeyPair> {
  const privateKey = await webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), ECDSA, true, [
    'sign',
  ]);
  const { d: _, key_ops: __, ...jwk } = await webcrypto.subtle.exportKey('jwk', privateKey);
  const publicKey = await webcrypto.subtle.importKey('jwk', jwk, ECDSA, true, ['verify']);
  return { privateKey, publicKey };
}
