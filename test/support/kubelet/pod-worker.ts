/** One start of one pod, from its volumes to its last process: what the kubelet does for it, in the kubelet's order. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../kubernetes-api/client.ts';
import type { Container, ContainerState, Pod, PodStatus } from '../kubernetes-api/objects.ts';
import { pathOf, resources } from '../kubernetes-api/resources.ts';
import { ApiError } from '../kubernetes-api/status.ts';
import type { Addresses } from './addresses.ts';
import { type ContainerProcess, type Entrypoints, startContainer } from './container-process.ts';
import { type Environment, environmentOf } from './environment.ts';
import type { Addressed } from './field-ref.ts';
import { mountsOf } from './mounts.ts';
import { type ContainerFacts, podStatus, timestamp, WAITING } from './pod-status.ts';
import { answersPing, succeeds } from './probe.ts';
import { prepareVolumes, type VolumeSources } from './volumes.ts';

export type PodEvent =
  | { kind: 'started'; pod: string; ip: string }
  | { kind: 'exited'; pod: string; container: string; exitCode: number; log: string }
  | { kind: 'ready'; pod: string; ip: string };

export type Node = {
  client: Client;
  entrypoints: Entrypoints;
  addresses: Addresses;
  volumes: VolumeSources;
  /** What every container gets, KUBERNETES_SERVICE_HOST above all. */
  environment: Environment;
  /** Resolves when the pod may start; rejects when the signal comes first. */
  released(pod: string, signal: AbortSignal): Promise<void>;
  report(event: PodEvent): void;
};

/** The kubelet waits 10 s to 5 min between restarts of a container; a test has not that much time. */
const FIRST_BACK_OFF_MS = 200;
const LAST_BACK_OFF_MS = 5000;
const PROBE_INTERVAL_MS = 50;

export class PodWorker {
  readonly key: string;
  readonly #pod: Pod;
  readonly #node: Node;
  readonly #directory: string;
  readonly #onError: (error: unknown) => void;
  readonly #ending = new AbortController();
  readonly #processes = new Set<ContainerProcess>();
  readonly #facts = new Map<string, ContainerFacts>();
  readonly #startTime: string;
  #ip = '';
  #initialized = false;
  #silent = false;
  #status: PodStatus | undefined;
  #published: Promise<void> = Promise.resolve();
  readonly #lived: Promise<void>;

  /** Starts at once. `directory` holds the pod's volumes and logs. `onError` hears of what no pod can cause. */
  constructor(pod: Pod, node: Node, directory: string, onError: (error: unknown) => void) {
    this.key = `${pod.metadata.namespace}/${pod.metadata.name}`;
    this.#pod = pod;
    this.#node = node;
    this.#directory = directory;
    this.#onError = onError;
    this.#startTime = pod.status?.startTime ?? timestamp(new Date());
    // A reboot starts the same pod again: it goes on counting.
    const before = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    for (const { name, restartCount, state } of before)
      this.#facts.set(name, { ...WAITING, lastState: state, restartCount: restartCount + 1 });
    this.#lived = this.#live().catch((error: unknown) => {
      if (!this.#ending.signal.aborted) onError(error);
    });
  }

  get uid(): string {
    return this.#pod.metadata.uid ?? '';
  }

  get isEnding(): boolean {
    return this.#ending.signal.aborted;
  }

  /** SIGTERM, then SIGKILL after the grace period; resolves when nothing runs and the address is free. */
  async terminate(graceMs: number): Promise<void> {
    this.#ending.abort();
    for (const process of this.#processes) process.kill(graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
    const kill = setTimeout(() => {
      for (const process of this.#processes) process.kill('SIGKILL');
    }, graceMs);
    await this.#lived;
    clearTimeout(kill);
    await this.#published;
    if (this.#ip) this.#node.addresses.release(this.#ip);
    this.#ip = '';
  }

  /** As when the power goes: everything is gone, and the API is not told. */
  crash(): Promise<void> {
    this.#silent = true;
    return this.terminate(0);
  }

  async #live(): Promise<void> {
    const { signal } = this.#ending;
    const { addresses, report, released } = this.#node;
    await released(this.key, signal);
    const volumes = await this.#mountVolumes();
    this.#ip = await addresses.allocate(this.key);
    signal.throwIfAborted();
    report({ kind: 'started', pod: this.key, ip: this.#ip });
    // The real kubelet's status manager needs up to 0.2 s more; our updater asks again if it is too early.
    await this.#publish();
    for (const container of this.#pod.spec.initContainers ?? []) await this.#run(container, volumes, true);
    this.#initialized = true;
    await Promise.all(this.#pod.spec.containers.map((container) => this.#run(container, volumes, false)));
  }

  /** Tries until every volume is there: a ConfigMap that is missing keeps a pod waiting. */
  async #mountVolumes(): Promise<Map<string, string>> {
    const { signal } = this.#ending;
    for (let delayMs = FIRST_BACK_OFF_MS; ; delayMs = Math.min(delayMs * 2, LAST_BACK_OFF_MS)) {
      try {
        return await prepareVolumes(this.#at(), join(this.#directory, 'volumes'), this.#node.volumes);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        await sleep(delayMs, undefined, { signal });
      }
    }
  }

  /** Runs a container again and again, with a growing pause: an init container until it succeeds. */
  async #run(container: Container, volumes: Map<string, string>, once: boolean): Promise<void> {
    const { signal } = this.#ending;
    for (let delayMs = FIRST_BACK_OFF_MS; ; delayMs = Math.min(delayMs * 2, LAST_BACK_OFF_MS)) {
      signal.throwIfAborted();
      const exitCode = await this.#runOnce(container, volumes, once);
      if (once && exitCode === 0) return;
      const { state, restartCount } = this.#facts.get(container.name) ?? WAITING;
      const waiting = {
        reason: 'CrashLoopBackOff',
        message: `back-off ${delayMs}ms restarting failed container`,
      };
      signal.throwIfAborted();
      this.#note(container, { state: { waiting }, lastState: state, restartCount: restartCount + 1 });
      await sleep(delayMs, undefined, { signal });
    }
  }

  async #runOnce(container: Container, volumes: Map<string, string>, once: boolean): Promise<number> {
    const { entrypoints, environment, report } = this.#node;
    const env = environmentOf(container, this.#at(), { ...environment, HOSTNAME: this.#pod.metadata.name });
    const directory = join(this.#directory, container.name);
    const translate = mountsOf(container, volumes, env);
    const process = startContainer(container, entrypoints, env, translate, directory);
    this.#processes.add(process);
    const startedAt = timestamp(new Date());
    this.#note(container, { state: { running: { startedAt } } });
    let runs = true;
    const probing = once ? undefined : this.#probe(container, env, () => runs);
    const exitCode = await process.exited;
    runs = false;
    this.#processes.delete(process);
    await probing;
    report({ kind: 'exited', pod: this.key, container: container.name, exitCode, log: process.logTail() });
    this.#note(container, {
      state: terminated(container, process, exitCode, startedAt),
      ready: once && exitCode === 0,
    });
    return exitCode;
  }

  /** Tells when the container gets ready: its probe succeeds; without one, its first port answers PING, or it has none. */
  async #probe(container: Container, env: Environment, runs: () => boolean): Promise<void> {
    const port = container.ports?.[0]?.containerPort;
    const command = container.readinessProbe?.exec.command;
    const isReady = async () =>
      command ? succeeds(command, env) : port === undefined || answersPing(this.#ip, port);
    while (runs() && !(await isReady())) await sleep(PROBE_INTERVAL_MS);
    if (!runs() || this.isEnding) return;
    this.#note(container, { ready: true });
    await this.#published;
    if (!this.isEnding) this.#node.report({ kind: 'ready', pod: this.key, ip: this.#ip });
  }

  #at(): Addressed {
    return { pod: this.#pod, ip: this.#ip };
  }

  #note(container: Container, news: Partial<ContainerFacts>): void {
    this.#facts.set(container.name, { ...(this.#facts.get(container.name) ?? WAITING), ...news });
    void this.#publish();
  }

  /** Publishes the status, after whatever was published before. */
  #publish(): Promise<void> {
    const { name, namespace, uid } = this.#pod.metadata;
    const facts = {
      ip: this.#ip,
      startTime: this.#startTime,
      initialized: this.#initialized,
      containers: this.#facts,
    };
    const status = podStatus(this.#pod, facts, this.#status, new Date());
    this.#status = status;
    if (this.#silent) return this.#published;
    const path = pathOf(resources.pods, namespace, name, 'status');
    this.#published = this.#published
      .then(() => this.#node.client.merge<void>(path, { metadata: { uid }, status }))
      .catch(ignoreIfGone)
      .catch(this.#onError);
    return this.#published;
  }
}

/** A pod that was deleted by force, and maybe made anew under its name, needs no status from us. */
function ignoreIfGone(error: unknown): void {
  if (!(error instanceof ApiError) || ![404, 409].includes(error.body.code)) throw error;
}

function terminated(
  { terminationMessagePolicy }: Container,
  process: ContainerProcess,
  exitCode: number,
  startedAt: string,
): ContainerState {
  const fromLog = exitCode !== 0 && terminationMessagePolicy === 'FallbackToLogsOnError';
  return {
    terminated: {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      ...(fromLog && { message: process.logTail() }),
      startedAt,
      finishedAt: timestamp(new Date()),
    },
  };
}
