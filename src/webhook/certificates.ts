/** Which certificate source the configuration asks for, and what of it goes to the log. */
import type { Logger } from 'pino';
import { startDirectorySource } from '../certificates/directory.ts';
import { story } from '../certificates/event.ts';
import type { KeyPair } from '../certificates/key-pair.ts';
import { startSelfManagedSource } from '../certificates/self-managed.ts';
import type { CertificateSource, OnPair } from '../certificates/source.ts';
import { exitCodes, Failure } from '../errors.ts';
import { createCertificateApi } from '../kubernetes/certificate-api.ts';
import { PooledKubeConfig } from '../kubernetes/client.ts';
import { WEBHOOK_SERVICE } from '../names.ts';
import type { Config } from './config.ts';

/** How late a new certificate of a directory may be served: far less than any sane renewal is early. */
const DIRECTORY_POLL_MS = 5_000;
const CALL_TIMEOUT_MS = 10_000;

/** Starts the source; rejects with a Failure if it never could give a certificate. */
export async function startCertificates(
  config: Config,
  log: Logger,
  serve: OnPair,
): Promise<CertificateSource> {
  const onPair = (pair: KeyPair) => {
    serve(pair);
    log.info({ notAfter: new Date(pair.notAfterMs) }, 'new certificate is served');
  };
  const now = Date.now;
  if (config.CERT_DIR !== undefined) {
    const onRefused = (failure: unknown) =>
      log.error({ err: failure }, 'new certificate is refused, the old one is kept');
    const pollMs = DIRECTORY_POLL_MS;
    return startDirectorySource({ directory: config.CERT_DIR, pollMs, onPair, onRefused, now });
  }
  const namespace = config.NAMESPACE;
  if (namespace === undefined) {
    throw new Failure(
      exitCodes.usage,
      'Without CERT_DIR the webhook makes its own certificate: set NAMESPACE.',
    );
  }
  const warn = (error: unknown) => {
    const isExpected = error instanceof Failure;
    log.warn(isExpected ? {} : { err: error }, isExpected ? error.message : 'certificates: failed');
  };
  return startSelfManagedSource({
    api: createCertificateApi({
      config: new PooledKubeConfig(CALL_TIMEOUT_MS),
      namespace,
      onWatchError: warn,
    }),
    names: serviceNames(namespace),
    lifetimes: {
      caMs: config.CA_LIFETIME_SECONDS * 1000,
      servingMs: config.SERVING_LIFETIME_SECONDS * 1000,
      settleMs: config.CERTIFICATE_SETTLE_SECONDS * 1000,
    },
    checkMs: config.CERTIFICATE_CHECK_SECONDS * 1000,
    onPair,
    onNewAuthority: (occasion) => {
      const { type, sentence } = story(occasion);
      log[type === 'Warning' ? 'warn' : 'info']({ reason: occasion.reason }, sentence);
    },
    onFailure: warn,
    now,
    elapsed: () => performance.now(),
  });
}

/** API servers ask for the first; the second is for whoever calls by the full name. */
function serviceNames(namespace: string): string[] {
  const name = `${WEBHOOK_SERVICE}.${namespace}.svc`;
  return [name, `${name}.cluster.local`];
}
