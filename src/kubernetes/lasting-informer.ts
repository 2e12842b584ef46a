import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesObject, type ListPromise, ListWatch } from '@kubernetes/client-node';
import type { PooledKubeConfig } from './client.ts';
import { GuardedWatch } from './guarded-watch.ts';

const FIRST_BACKOFF_MS = 1_000;
/** client-go's reflector waits as long. */
const LONGEST_BACKOFF_MS = 30_000;
/** A watch that failed so often in a row asks from where no watch can begin: after a restored etcd, for example. */
const LIST_AGAIN_AFTER = 3;
/** Without a failure for so long, the next is the first of its row. */
const FORGIVE_AFTER_MS = 2 * LONGEST_BACKOFF_MS;

export type InformerOptions<T extends KubernetesObject> = {
  config: PooledKubeConfig;
  /** As in `/apis/apps/v1/statefulsets`. */
  path: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** The same objects by LIST, reduced where `reduce` is given. */
  list: ListPromise<T>;
  /** What to keep of an object of the watch; everything, if it is not given. */
  reduce?(object: T): T;
  /** Told of each object that was added, changed or deleted, the first list included. */
  onChange?(object: T): void;
  /** Told once, when the cache holds the first list. */
  onSynced?(): void;
  onError(error: unknown): void;
  /** Milliseconds since the epoch. */
  now(): number;
  /** From 0 to 1, for the jitter. */
  random(): number;
};

/** A cache of objects that follows the API server for as long as the process lives. */
export type LastingInformer<T extends KubernetesObject> = {
  /** `namespace` is empty for objects that have none. */
  get(name: string, namespace: string): T | undefined;
  /** All objects, or those of one namespace. */
  list(namespace?: string): readonly T[];
  /** Whether the objects were listed at least once. */
  isSynced(): boolean;
  /** Milliseconds since the epoch of the last list, event or bookmark; 0 before the first. */
  lastEventMs(): number;
  stop(): Promise<void>;
};

/** Starts to follow. client-node's informer stops for good after an error: it is started again, with backoff. */
export function startInformer<T extends KubernetesObject>(options: InformerOptions<T>): LastingInformer<T> {
  const { config, path, labelSelector, fieldSelector, now, onChange, reduce } = options;
  let lastEventMs = 0;
  let synced = false;
  let lastFailureMs = 0;
  /** In a row; a watch that is taken up and breaks off without an event does not end it. */
  let failures = 0;
  let failuresSinceList = 0;
  const stopping = new AbortController();

  const list: ListPromise<T> = async () => {
    const objects = await options.list();
    lastEventMs = now();
    failuresSinceList = 0;
    // The informer puts them into its cache when this promise is resolved.
    if (!synced) setImmediate(markSynced);
    return objects;
  };
  // The delay before a reconnection must not keep a stopped process alive.
  const reconnection = { delayFn: (ms: number) => delay(ms, undefined, { ref: false }) };
  const watch = new GuardedWatch(config, {
    takenUp: () => (lastEventMs = now()),
    heard,
    mustListAgain: () => failuresSinceList >= LIST_AGAIN_AFTER,
    reduce: reduce as ((object: unknown) => unknown) | undefined,
  });
  const informer = new ListWatch<T>(path, watch, list, false, labelSelector, fieldSelector, reconnection);
  if (onChange) informer.on('change', onChange);
  informer.on('error', restart);
  start();

  function heard(): void {
    lastEventMs = now();
    failures = 0;
    failuresSinceList = 0;
  }

  function markSynced(): void {
    if (synced) return;
    synced = true;
    options.onSynced?.();
  }

  function start(): void {
    informer.start().catch(restart);
  }

  function restart(error: unknown): void {
    if (stopping.signal.aborted) return;
    options.onError(error);
    if (now() - lastFailureMs > FORGIVE_AFTER_MS) failures = 0;
    lastFailureMs = now();
    const ms = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures) * (0.5 + options.random() / 2);
    failures += 1;
    failuresSinceList += 1;
    delay(ms, undefined, { ref: false, signal: stopping.signal }).then(start, () => {});
  }

  return {
    get: (name, namespace) => informer.get(name, namespace),
    list: (namespace) => informer.list(namespace),
    isSynced: () => synced,
    lastEventMs: () => lastEventMs,
    stop: async () => {
      stopping.abort();
      await informer.stop();
    },
  };
}
