import { type KubeConfig, Watch } from '@kubernetes/client-node';

type WatchArguments = Parameters<Watch['watch']>;

export type WatchOptions = {
  /** Told when the API server took up the watch. */
  takenUp?(): void;
  /** Told of each changed object, and each bookmark. */
  heard?(): void;
  /** Whether a watch from where we are has become hopeless, and only a new list can help. */
  mustListAgain?(): boolean;
  /** What to keep of an object. */
  reduce?: ((object: unknown) => unknown) | undefined;
};

/** To the informer: list, and watch from there. */
const EXPIRED = Object.assign(new Error('the watch has to begin anew'), { statusCode: 410 });

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
    const { takenUp, heard, mustListAgain, reduce } = this.#options;
    if (mustListAgain?.()) {
      finish(EXPIRED);
      return new AbortController();
    }
    const guarded = async (...[phase, object, event]: Parameters<typeof onEvent>) => {
      // At once: the end of the stream, which may come in the same moment, counts as an ordinary one.
      if (!isEvent(phase, object)) return finish(new Error('what came is no event of a watch'));
      try {
        await onEvent(phase, reduce && CHANGES.has(phase) ? reduce(object) : object, event);
        // The informer knows what to do about 410 alone, and would ask for the same again after any other.
        if (phase === 'ERROR') finish(EXPIRED);
        else heard?.();
      } catch (error) {
        finish(error);
      }
    };
    try {
      controller = await super.watch(path, { ...query, allowWatchBookmarks: true }, guarded, finish);
      // A quiet watch is given up after 30 s and taken up again: that the API server takes it says it is alive.
      if (!done) takenUp?.();
      return controller;
    } catch (error) {
      finish(error);
      return new AbortController();
    }
  }
}

function isEvent(phase: string, object: { metadata?: unknown } | null | undefined): boolean {
  return phase === 'ERROR' || ((phase === 'BOOKMARK' || CHANGES.has(phase)) && Boolean(object?.metadata));
}
