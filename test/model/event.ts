import type { World } from './world.ts';

/** One thing that can happen. */
export type Event = {
  /** A sentence. */
  does: () => string;
  /** The world after it. */
  to: World;
  /** It need not happen: nobody waits for it. */
  isOptional?: boolean;
  /** The node whose look this ended. */
  looked?: number;
  /** The node that went on as a new one. */
  startedAnew?: number;
};
