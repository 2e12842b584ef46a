import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { reasons } from '../admission/reasons.ts';
import type { Observed } from './app.ts';

const PREFIX = 'redis_ip_updater_';

export type Sources = {
  version: string;
  /** Both in milliseconds since the epoch. */
  certificateExpiryMs(): number;
  /** Undefined, and then without a metric, where nobody looks. */
  caBundleMatches(): boolean | undefined;
  watchLastEventMs(): number;
  provisionedNamespaces(): number;
};

export type Metrics = {
  registry: Registry;
  observe(answer: Observed, seconds: number): void;
  countProvisioningFailure(): void;
  countDistrust(): void;
  countClosedConnection(): void;
};

/** The webhook's metrics in a registry of their own. No label names a pod or a namespace: their number is bounded. */
export function createMetrics(sources: Sources): Metrics {
  const { version, certificateExpiryMs, caBundleMatches, watchLastEventMs, provisionedNamespaces } = sources;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const requests = new Counter({
    name: `${PREFIX}admission_requests_total`,
    help: 'Admission requests by outcome (injected, skipped, denied, failed, unreadable, refused) and reason.',
    labelNames: ['outcome', 'reason'],
    registers,
  });
  const duration = new Histogram({
    name: `${PREFIX}admission_duration_seconds`,
    help: 'Time to answer an admission request.',
    // The API server gives up after 5 s.
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  gauge(
    'certificate_expiry_timestamp_seconds',
    'When the served certificate expires; 0 while there is none.',
    () => certificateExpiryMs() / 1000,
  );
  if (caBundleMatches() !== undefined) {
    gauge(
      'ca_bundle_matches',
      '1 if the caBundle of the webhook configuration holds the CA of the served certificate, else 0.',
      () => Number(caBundleMatches()),
    );
  }
  gauge(
    'watch_last_event_timestamp_seconds',
    'Last sign of life of the watch that was silent longest; 0 until all have spoken.',
    () => watchLastEventMs() / 1000,
  );
  gauge(
    'provisioned_namespaces',
    'Opted-in namespaces that have everything their pods need.',
    provisionedNamespaces,
  );
  const provisioningFailures = new Counter({
    name: `${PREFIX}provisioning_failures_total`,
    help: 'Failed attempts to provision a namespace; each is tried again.',
    registers,
  });
  const distrust = new Counter({
    name: `${PREFIX}certificate_distrust_total`,
    help: 'Handshakes that a client ended because it does not trust the served certificate.',
    registers,
  });
  const closedConnections = new Counter({
    name: `${PREFIX}connections_closed_total`,
    help: 'Connections that were closed because there were too many.',
    registers,
  });
  new Gauge({ name: `${PREFIX}build_info`, help: 'Always 1.', labelNames: ['version'], registers }).set(
    { version },
    1,
  );

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }

  return {
    registry,
    observe(answer, seconds) {
      requests.inc(labels(answer));
      duration.observe(seconds);
    },
    countProvisioningFailure: () => provisioningFailures.inc(),
    countDistrust: () => distrust.inc(),
    countClosedConnection: () => closedConnections.inc(),
  };
}

function labels(answer: Observed): { outcome: string; reason: string } {
  if (answer.kind === 'unreadable') return { outcome: 'unreadable', reason: 'bad-request' };
  if (answer.kind === 'overloaded') return { outcome: 'refused', reason: 'overloaded' };
  if (answer.kind === 'crashed') return { outcome: 'failed', reason: 'internal-error' };
  const { reason } = answer.outcome.finding;
  return { outcome: reasons[reason].outcome, reason };
}
