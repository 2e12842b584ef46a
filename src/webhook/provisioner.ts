/** Provisioning for as long as the process lives: watches fill caches, changes fill a queue, the queue provisions. */
import type { Logger } from 'pino';
import { exitCodes, Failure } from '../errors.ts';
import { PooledKubeConfig } from '../kubernetes/client.ts';
import { createProvisioningApi } from '../kubernetes/provisioning-api.ts';
import { followProvisioning } from '../kubernetes/provisioning-caches.ts';
import { NODES_CONFIG_MAP, SERVICE_ACCOUNT } from '../names.ts';
import { type Obstacle, obstacleKey } from '../provisioning/decide.ts';
import { obstacleSentence } from '../provisioning/event.ts';
import { type Outcome, provision, type Seen } from './provision.ts';
import { createWorkQueue } from './work-queue.ts';
import { createWriteAllowance } from './write-allowance.ts';

/** Namespaces at the same time: enough to hide latency, too few to be a burden to the API server. */
const CONCURRENCY = 4;
/** Half of it to all of it: for what no watch tells, such as a pod that was still there when its entry should go. */
const RESYNC_MS = 12 * 60_000;
const CALL_TIMEOUT_MS = 10_000;
/** A list of a large cluster takes its time, and nobody waits for it. */
const LIST_TIMEOUT_MS = 30_000;

export type Provisioner = {
  /** Whether everything was listed at least once. */
  isSynced(): boolean;
  /** Of the watch that was silent longest: milliseconds since the epoch, 0 before all have spoken. */
  lastEventMs(): number;
  provisionedNamespaces(): number;
  stop(): Promise<void>;
};

export type ProvisionerOptions = {
  imagePullSecrets: readonly string[];
  /** Told of each failed pass over a namespace. */
  onFailure(): void;
};

/** Starts to provision. Throws a Failure if nothing says where the API server is. */
export function startProvisioner(options: ProvisionerOptions, log: Logger): Provisioner {
  const api = createProvisioningApi(new PooledKubeConfig(CALL_TIMEOUT_MS));
  const allowance = createWriteAllowance();
  const outcomes = new Map<string, Outcome>();
  const told = new Map<string, Set<string>>();

  const queue = createWorkQueue({
    concurrency: CONCURRENCY,
    work: pass,
    onFailure: (namespace, error, retryMs) => {
      outcomes.delete(namespace);
      options.onFailure();
      const isExpected = error instanceof Failure;
      const retrySeconds = Math.round(retryMs / 1000);
      log.warn(
        { namespace, retrySeconds, ...(!isExpected && { err: error }) },
        isExpected ? error.message : 'provisioning failed',
      );
    },
    random: Math.random,
  });

  const caches = followProvisioning(new PooledKubeConfig(LIST_TIMEOUT_MS), {
    onChange: (namespace) => {
      // StatefulSets of other namespaces change all the time; an opted-out one has to be forgotten.
      if (caches.namespaces.get(namespace, '') || outcomes.has(namespace)) queue.add(namespace);
    },
    onSynced: () => {
      if (!isSynced()) return;
      for (const { metadata } of caches.namespaces.list()) queue.add(metadata.name);
      queue.start();
    },
    onError: (error) => log.warn(`${(error as Error).message}; trying again`),
    now: Date.now,
    random: Math.random,
  });
  const all = Object.values(caches);
  const isSynced = () => all.every((cache) => cache.isSynced());

  async function pass(namespace: string): Promise<number | undefined> {
    const outcome = await provision(namespace, {
      api,
      look,
      imagePullSecrets: options.imagePullSecrets,
      allowWrite,
      report: (obstacle) => report(namespace, obstacle),
      say: (what, fields) => log.info(fields, what),
    });
    if (outcome === 'left') {
      outcomes.delete(namespace);
      told.delete(namespace);
      allowance.forget(namespace);
      return undefined;
    }
    if (outcome === 'provisioned') told.delete(namespace);
    outcomes.set(namespace, outcome);
    return RESYNC_MS;
  }

  function look(namespace: string): Seen {
    const { serviceAccounts, roles, roleBindings, configMaps } = caches;
    return {
      namespace: caches.namespaces.get(namespace, ''),
      statefulSets: caches.statefulSets.list(namespace),
      observed: {
        serviceAccount: serviceAccounts.get(SERVICE_ACCOUNT, namespace),
        role: roles.get(SERVICE_ACCOUNT, namespace),
        roleBinding: roleBindings.get(SERVICE_ACCOUNT, namespace),
        configMap: configMaps.get(NODES_CONFIG_MAP, namespace),
      },
    };
  }

  function allowWrite(namespace: string): void {
    if (allowance.take(namespace, performance.now())) return;
    throw new Failure(
      exitCodes.unavailable,
      `the objects of namespace ${namespace} are changed back again and again: by whom, their managedFields say`,
    );
  }

  async function report(namespace: string, obstacle: Obstacle): Promise<void> {
    const before = told.get(namespace) ?? new Set();
    if (before.has(obstacleKey(obstacle))) return;
    log.warn({ namespace, reason: obstacle.reason }, obstacleSentence(obstacle));
    await api.tell(obstacle, new Date());
    told.set(namespace, before.add(obstacleKey(obstacle)));
  }

  return {
    isSynced,
    lastEventMs: () => Math.min(...all.map((cache) => cache.lastEventMs())),
    provisionedNamespaces: () => [...outcomes.values()].filter((outcome) => outcome === 'provisioned').length,
    stop: async () => {
      await queue.stop();
      await Promise.all(all.map((cache) => cache.stop()));
    },
  };
}
