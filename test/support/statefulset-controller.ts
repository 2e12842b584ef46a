/**
 * The StatefulSet controller's stand-in: makes the pods that a StatefulSet wants, in order or all at once, replaces
 * those of an older template one by one, and tries again, later and later, when the API refuses a pod.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Connection } from './kubernetes-api/client.ts';
import { follow } from './kubernetes-api/follow.ts';
import type { Pod, StatefulSet } from './kubernetes-api/objects.ts';
import { pathOf, resources } from './kubernetes-api/resources.ts';
import { ApiError } from './kubernetes-api/status.ts';
import { nextSteps, podOf, type Step } from './statefulset-steps.ts';

export type Controller = { close(): Promise<void> };

/** The real one starts at 5 ms and ends at 1000 s; this is long enough to be no busy loop, short enough for a test. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2000;

/** Starts the controller. `onError` hears of what it cannot go on after. */
export async function startStatefulSetController(
  connection: Connection,
  onError: (error: unknown) => void,
): Promise<Controller> {
  const client = new Client(connection);
  const retries = new Retries();
  let wake = Promise.withResolvers<void>();
  let closed = false;
  const changed = () => wake.resolve();
  const sets = await follow<StatefulSet>(client, pathOf(resources.statefulsets), changed, onError);
  const pods = await follow<Pod>(client, pathOf(resources.pods), changed, onError);

  const run = async () => {
    while (!closed) {
      await Promise.race([wake.promise, sleep(retries.waitMs(), undefined, { ref: false })]);
      wake = Promise.withResolvers<void>();
      for (const set of closed ? [] : sets.objects.values()) {
        const steps = nextSteps(set, [...pods.objects.values()]);
        await Promise.all(steps.map((step) => take(client, set, step, retries)));
      }
    }
  };
  const running = run().catch(onError);
  return {
    close: async () => {
      closed = true;
      wake.resolve();
      await Promise.all([sets.stop(), pods.stop(), running]);
      client.close();
    },
  };
}

/** Takes a step; a refusal becomes an Event and a later attempt. */
async function take(client: Client, set: StatefulSet, step: Step, retries: Retries): Promise<void> {
  const { namespace = '', name: setName } = set.metadata;
  if (!retries.isDue(`${namespace}/${step.pod}`)) return;
  try {
    if (step.kind === 'create') await client.create(pathOf(resources.pods, namespace), podOf(set, step.pod));
    else
      await client.delete(pathOf(resources.pods, namespace, step.pod), { preconditions: { uid: step.uid } });
    retries.forget(`${namespace}/${step.pod}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Our picture was old: the watch is about to tell.
    if (['AlreadyExists', 'NotFound', 'Conflict'].includes(error.body.reason ?? '')) return;
    retries.postpone(`${namespace}/${step.pod}`);
    const message = `${step.kind} Pod ${step.pod} in StatefulSet ${setName} failed error: ${error.message}`;
    await client.create(pathOf(resources.events, namespace), event(set, message));
  }
}

function event(set: StatefulSet, message: string): object {
  const { namespace, name, uid } = set.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { generateName: `${name}.`, namespace },
    involvedObject: { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name, uid },
    type: 'Warning',
    reason: 'FailedCreate',
    message,
    source: { component: 'statefulset-controller' },
  };
}

/** When a pod that was refused may be tried again. */
class Retries {
  readonly #due = new Map<string, { atMs: number; delayMs: number }>();

  isDue(pod: string): boolean {
    return (this.#due.get(pod)?.atMs ?? 0) <= performance.now();
  }

  forget(pod: string): void {
    this.#due.delete(pod);
  }

  postpone(pod: string): void {
    const delayMs = Math.min((this.#due.get(pod)?.delayMs ?? FIRST_RETRY_MS / 2) * 2, LAST_RETRY_MS);
    this.#due.set(pod, { atMs: performance.now() + delayMs, delayMs });
  }

  /** Until the next attempt is due. */
  waitMs(): number {
    const next = Math.min(
      LAST_RETRY_MS,
      ...[...this.#due.values()].map(({ atMs }) => atMs - performance.now()),
    );
    return Math.max(next, 1);
  }
}
