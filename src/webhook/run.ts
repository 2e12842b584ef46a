import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import { connectAdmissionApi } from '../kubernetes/admission-api.ts';
import { logAnswer } from './admission-log.ts';
import type { Observed } from './app.ts';
import { startCertificates } from './certificates.ts';
import type { Config } from './config.ts';
import { listen } from './listen.ts';
import { createManagementServer } from './management.ts';
import { createMetrics } from './metrics.ts';
import { startProvisioner } from './provisioner.ts';
import { unreadiness } from './readiness.ts';
import { createServer, useKeyPair } from './server.ts';

/** For the last answers: the API server waits for one for 5 s. */
const END_MAX_MS = 5_000;

/**
 * Serves until `stop` is aborted and the drain time is over; what does not end in time then is left to the end of the
 * process. Rejects with a Failure if it cannot start.
 */
export async function run(config: Config, log: Logger, stop: AbortSignal): Promise<void> {
  let webhook: Awaited<ReturnType<typeof createServer>> | undefined;
  const certificates = await startCertificates(config, log, (pair) => webhook && useKeyPair(webhook, pair));
  const api = connectAdmissionApi(({ message }) => log.warn(`${message}; trying again`));
  const isDraining = () => stop.aborted;

  const { version } = packageJson;
  const metrics = createMetrics({
    version,
    certificateExpiryMs: () => certificates.current()?.notAfterMs ?? 0,
    caBundleMatches: certificates.caBundleMatches,
    watchLastEventMs: () => Math.min(api.lastEventMs(), provisioner.lastEventMs()),
    provisionedNamespaces: () => provisioner.provisionedNamespaces(),
  });
  const imagePullSecrets = config.UPDATER_IMAGE_PULL_SECRETS.split(',').filter((name) => name !== '');
  const provisioner = startProvisioner(
    { imagePullSecrets, onFailure: metrics.countProvisioningFailure },
    log.child({ part: 'provisioning' }),
  );
  const observe = (answer: Observed, seconds: number) => {
    metrics.observe(answer, seconds);
    logAnswer(log, answer);
  };
  const updater = {
    image: config.UPDATER_IMAGE,
    imagePullPolicy: config.UPDATER_IMAGE_PULL_POLICY,
    imagePullSecrets,
    version,
  };
  const onDistrust = () => {
    metrics.countDistrust();
    log.warn('a client does not trust the served certificate: if it is an API server, see the caBundle');
  };
  const onConnectionClosed = metrics.countClosedConnection;
  const serving = { ports: api, updater, observe, isDraining, onDistrust, onConnectionClosed };
  webhook = await createServer(log, serving);
  const management = createManagementServer(metrics.registry, () =>
    unreadiness({
      draining: isDraining(),
      certificate: certificates.unready(),
      synced: { admission: api.isSynced(), provisioning: provisioner.isSynced() },
    }),
  );

  // Without one no handshake succeeds, and readiness says why; it may have come while the server was made.
  const pair = certificates.current();
  if (pair) useKeyPair(webhook, pair);

  const port = await listen(webhook, config.PORT);
  const managementPort = await listen(management, config.MANAGEMENT_PORT);
  log.info({ port, managementPort, version }, 'listening');

  if (!stop.aborted) await once(stop, 'abort');
  log.info({ seconds: config.DRAIN_SECONDS }, 'draining');
  await delay(config.DRAIN_SECONDS * 1000);
  await inTime(webhook.close());
  await inTime(Promise.all([management.close(), certificates.stop(), api.stop(), provisioner.stop()]));
  log.info('stopped');
}

/**
 * Does not wait for ever: idle connections are closed at once, but one that was never used counts as busy, and API
 * servers open some ahead, which they close after 90 s. Long before that the kubelet would kill us.
 */
function inTime(end: Promise<unknown>): Promise<unknown> {
  return Promise.race([end, delay(END_MAX_MS)]);
}
