/** What happens to the webhook in the life of a cluster; each resolves when it is over. */
import { X509Certificate } from 'node:crypto';
import type { Certificate } from '../../../src/certificates/certificate.ts';
import { CA_SECRET, PROJECT, ROTATE_ANNOTATION, WEBHOOK_SERVICE } from '../../../src/names.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { until } from '../kubernetes/until.ts';
import { busiest, connectAnew } from './connections.ts';
import {
  followEnds,
  killProcess,
  type Replica,
  restartsOf,
  servedCertificates,
  settledReplicas,
  trustedAuthorities,
} from './replicas.ts';
import type { Load } from './steady-load.ts';
import type { Excuse } from './summary.ts';

/** Failures that an experiment brings with it, and how many there may be with each excuse. */
export type Losses = { excuse: Excuse; atMost: Record<string, number> };

type Act = (cluster: Cluster, load: Load) => Promise<Losses | undefined>;

/** Much more than anything takes: a certificate lives for less, and the machine may be busy. */
const WAIT_MS = 300_000;
/** Between two looks at the served certificates: each is a process of its own. */
const LOOK_MS = 1_000;

const SECRET = ['--namespace', PROJECT, 'secret', CA_SECRET];
const DEPLOYMENT = ['--namespace', PROJECT, `deployment/${WEBHOOK_SERVICE}`];

/** By what they are called in the table. */
export const experiments: Record<string, Act> = {
  async 'nothing happens'(_, load) {
    await load.more(200);
    return undefined;
  },

  async 'renewal of both serving certificates'(cluster, load) {
    const replicas = await settledReplicas(cluster);
    const before = (await servedCertificates(cluster, replicas)).map(({ serialNumber }) => serialNumber);
    await untilServed(cluster, replicas, ({ serialNumber }) => !before.includes(serialNumber));
    // The API server's connections outlive the certificate that they began with.
    await connectAnew(cluster, replicas, load.burst);
    return undefined;
  },

  async 'rotation of the CA, until the old one has left the caBundle'(cluster) {
    const known = await trustedAuthorities(cluster);
    await cluster.kubectl(['annotate', ...SECRET, `${ROTATE_ANNOTATION}=`]);
    await untilSignedAnew(cluster, known);
    await until('the old CA has left the caBundle', WAIT_MS, async () =>
      (await trustedAuthorities(cluster)).every((authority) => isNew(authority, known)),
    );
    return undefined;
  },

  async 'loss of the Secret'(cluster) {
    const known = await trustedAuthorities(cluster);
    await cluster.kubectl(['delete', ...SECRET]);
    await untilSignedAnew(cluster, known);
    return undefined;
  },

  async 'rollout restart of the Deployment'(cluster) {
    const ended = followEnds(cluster);
    const replicas = await settledReplicas(cluster);
    await cluster.kubectl(['rollout', 'restart', ...DEPLOYMENT]);
    await cluster.kubectl(['rollout', 'status', ...DEPLOYMENT, '--timeout=300s']);
    await settledReplicas(cluster);
    await ended(replicas);
    return undefined;
  },

  async 'SIGTERM of a replica (its pod is deleted)'(cluster) {
    const ended = followEnds(cluster);
    const replica = await busiest(cluster);
    await cluster.kubectl(['delete', '--namespace', PROJECT, 'pod', replica.name]);
    await settledReplicas(cluster);
    await ended([replica]);
    return undefined;
  },

  'SIGKILL of a replica': killed,

  async 'restart of the API server'(cluster, load) {
    const stoppedAtMs = performance.now();
    await cluster.stopApiServer();
    await load.more(20);
    await cluster.startApiServer();
    const readyAtMs = performance.now();
    const excuse: Excuse = ({ sentAtMs, answeredAtMs }) =>
      answeredAtMs >= stoppedAtMs && sentAtMs <= readyAtMs ? 'while the API server was down' : undefined;
    return { excuse, atMost: {} };
  },
};

const IN_FLIGHT = 'in flight on it';
const REFUSED = 'refused by its port before the Service led elsewhere';

/**
 * Its kernel closes its connections: what was in flight on them is lost. From then on it refuses new ones, until
 * the kubelet has noticed and said so.
 */
async function killed(cluster: Cluster, load: Load): Promise<Losses> {
  const victim = await busiest(cluster);
  const restarts = await restartsOf(cluster, victim);
  await load.burst(16);
  const killedAtMs = performance.now();
  await killProcess(cluster, victim);
  const goneAtMs = performance.now();
  await until('the kubelet restarts it', WAIT_MS, async () => (await restartsOf(cluster, victim)) > restarts);
  await settledReplicas(cluster);
  const backAtMs = performance.now();

  // All calls of the time are known by now: none takes longer than its restart.
  const inFlight = load.calls.filter(
    ({ sentAtMs, answeredAtMs }) => sentAtMs <= goneAtMs && answeredAtMs >= killedAtMs,
  );
  const excuse: Excuse = ({ sentAtMs, outcome }) => {
    if (outcome.kind !== 'failed' || sentAtMs > backAtMs) return undefined;
    if (outcome.message.includes(`dial tcp ${victim.ip}`)) return REFUSED;
    return /EOF|connection reset by peer|broken pipe/.test(outcome.message) ? IN_FLIGHT : undefined;
  };
  return { excuse, atMost: { [IN_FLIGHT]: inFlight.length } };
}

/** Until both replicas serve certificates of a CA that is in the caBundle and is not among the known ones. */
async function untilSignedAnew(cluster: Cluster, known: readonly Certificate[]): Promise<void> {
  const replicas = await settledReplicas(cluster);
  const { pem } = await until('a new CA is in the caBundle', WAIT_MS, async () =>
    (await trustedAuthorities(cluster)).find((authority) => isNew(authority, known)),
  );
  const { publicKey } = new X509Certificate(pem);
  await untilServed(cluster, replicas, (certificate) => certificate.verify(publicKey));
}

function isNew({ fingerprint }: Certificate, known: readonly Certificate[]): boolean {
  return known.every((other) => other.fingerprint !== fingerprint);
}

async function untilServed(
  cluster: Cluster,
  replicas: readonly Replica[],
  is: (certificate: X509Certificate) => boolean,
): Promise<void> {
  const look = async () => (await servedCertificates(cluster, replicas)).every(is);
  await until('both serve a new certificate', WAIT_MS, look, LOOK_MS);
}
