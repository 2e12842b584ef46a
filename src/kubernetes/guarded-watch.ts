import { type KubeConfig, Watch } from '@kubernetes/client-node';

type WatchArguments = Parameters<Watch['watch']>;

export type WatchOptions = {
  /** Told of each sign of life: the watch was taken up, a changed object, a bookmark. */
  heard?(): void;
  /** What to keep of an object. */
  reduce?: ((object: unknown) => unknown) | undefined;
};

const CHANGES = new Set(['ADDED', 'MODIFIED', 'DELETED']);

/**
 * client-node's Watch, for an informer that must not take the process down: the informer neither awaits nor
 * catches what it calls back, so an event without metadata, or a token file that cannot be read at a
 * reconnection, would end as an unhandled rejection. Here both end the watch with an error, which the informer
 * reports. Bookmarks are asked for, so that a quiet watch is not set back by a compaction.
 */
export class GuardedWatch extends Watch {
  readonly #options: WatchOptions;

  constructor(config: KubeConfig, options: WatchOptions = {}) {
    super(config);
    this.#options = options;
  }

  override async watch(...[path, query, onEvent, onDone]: WatchArguments): Promise<AbortController> {
    let controller: AbortController | undefined;
    let done = false;
    const finish = (error: unknown) => {
      if (done) return;
      done = true;
      controller?.abort();
      onDone(error);
    };
    const { heard, reduce } = this.#options;
    const guarded = async (...[phase, object, event]: Parameters<typeof onEvent>) => {
      try {
        await onEvent(phase, reduce && CHANGES.has(phase) ? reduce(object) : object, event);
        if (phase !== 'ERROR') heard?.();
      } catch (error) {
        finish(error);
      }
    };
    try {
      controller = await super.watch(path, { ...query, allowWatchBookmarks: true }, guarded, finish);
      // A quiet watch is given up after 30 s and taken up again: that the API server takes it says it is alive.
      if (!done) heard?.();
      return controller;
    } catch (error) {
      finish(error);
      return new AbortController();
    }
  }
}
