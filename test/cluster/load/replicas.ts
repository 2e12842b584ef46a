/** The replicas of the webhook, as an operator with access to the node sees them. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Certificate, readBundle } from '../../../src/certificates/certificate.ts';
import { PROJECT, WEBHOOK, WEBHOOK_CONFIGURATION, WEBHOOK_SERVICE } from '../../../src/names.ts';
import { processesInCgroups } from '../kubernetes/cgroups.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import type { Pod } from '../kubernetes/pod-status.ts';
import { until } from '../kubernetes/until.ts';
import { recordWatch } from '../kubernetes/watch.ts';

/** The chart's `webhook.port`. */
export const PORT = 8443;
const WAIT_MS = 120_000;
const PODS = `/api/v1/namespaces/${PROJECT}/pods?labelSelector=app.kubernetes.io%2Fname%3D${PROJECT}`;
const SLICES = `/apis/discovery.k8s.io/v1/namespaces/${PROJECT}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D${WEBHOOK_SERVICE}`;

export type Replica = { name: string; uid: string; ip: string };
type Endpoint = { addresses: string[]; conditions: { ready?: boolean } };

/** Until `count` replicas are there and no other pod of ours, all ready, and the Service leads to them. */
export function settledReplicas(cluster: Cluster, count = 2): Promise<Replica[]> {
  return until(`${count} replicas are ready, and the Service leads to them`, WAIT_MS, async () => {
    const { items }: { items: Pod[] } = await cluster.api.request('GET', PODS);
    const found = items.map(({ metadata, status }) => ({ ...metadata, ip: status.podIP ?? '' }));
    const led = await readyAddresses(cluster);
    return found.length === count && led.length === count && found.every(({ ip }) => led.includes(ip))
      ? found.map(({ name, uid, ip }) => ({ name, uid, ip }))
      : undefined;
  });
}

async function readyAddresses(cluster: Cluster): Promise<string[]> {
  const { items } = await cluster.api.request('GET', SLICES);
  const endpoints: Endpoint[] = items.flatMap(
    (slice: { endpoints: Endpoint[] | null }) => slice.endpoints ?? [],
  );
  return endpoints.filter(({ conditions }) => conditions.ready).flatMap(({ addresses }) => addresses);
}

/** The certificates that the replicas show to new connections. */
export function servedCertificates(
  cluster: Cluster,
  replicas: readonly Replica[],
): Promise<X509Certificate[]> {
  return Promise.all(
    replicas.map(async ({ ip }) => {
      const program = `
        const peer = { host: '${ip}', port: ${PORT}, rejectUnauthorized: false };
        const socket = require('node:tls').connect(peer, () => {
          process.stdout.write(socket.getPeerX509Certificate().toString());
          socket.destroy();
        });`;
      return new X509Certificate(await cluster.runInNetwork([process.execPath, '--eval', program]));
    }),
  );
}

/** The CAs that API servers trust now. */
export async function trustedAuthorities(cluster: Cluster): Promise<Certificate[]> {
  const path = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${WEBHOOK_CONFIGURATION}`;
  const { webhooks } = await cluster.api.request('GET', path);
  const { clientConfig } = webhooks.find(({ name }: { name: string }) => name === WEBHOOK);
  return readBundle(Buffer.from(clientConfig.caBundle, 'base64').toString());
}

/** Kills the process of a replica's container (SIGKILL), and waits for its end; the kubelet starts another one. */
export async function killProcess(cluster: Cluster, replica: Replica): Promise<void> {
  const pod = join(basename(cluster.directory), 'kubepods/burstable', `pod${replica.uid}`);
  const [pid, ...others] = processesInCgroups(pod).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('webhook.js'),
  );
  if (!pid || others.length > 0) throw new Error(`not one process in ${pod}: ${pid} ${others}`);
  process.kill(pid, 'SIGKILL');
  await until(`process ${pid} has ended`, WAIT_MS, () => !processesInCgroups(pod).includes(pid), 5);
}

/** How often its container was started anew. */
export async function restartsOf(cluster: Cluster, { name }: Replica): Promise<number> {
  const { status } = await cluster.api.request('GET', `/api/v1/namespaces/${PROJECT}/pods/${name}`);
  return status.containerStatuses[0].restartCount;
}

/** Follows the replicas from now on; the function that it returns waits for their end, which has to be by themselves. */
export function followEnds(cluster: Cluster): (replicas: readonly Replica[]) => Promise<void> {
  const watch = recordWatch(cluster, `/api/v1/namespaces/${PROJECT}/pods`);
  return async (replicas) => {
    for (const { name, uid } of replicas) {
      const { exitCode } = await until(`${name} has ended`, WAIT_MS, () =>
        watch.events
          .filter(({ object }) => object.metadata?.uid === uid)
          .map(({ object }) => object.status.containerStatuses?.[0]?.state.terminated)
          .find(Boolean),
      );
      if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}`);
    }
    watch.end();
  };
}
