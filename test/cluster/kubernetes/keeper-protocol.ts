/**
 * What a test process asks the keeper of its machine, and what it hears from it, over Node's IPC channel.
 * The channel is also the machine's lifeline: the keeper ends the machine when it closes.
 */
export type Request = { id: number } & (
  | { do: 'run'; command: readonly string[]; stdin?: string }
  | { do: 'start'; name: string; command: readonly string[]; env: Record<string, string> }
  | { do: 'kill'; name: string }
);

export type Answer =
  | { answerTo: number; ok: true; output: string }
  | { answerTo: number; ok: false; message: string };

/** A started process ended without being killed by us. */
export type Ended = { ended: string; how: string };

/** The keeper listens. */
export type Ready = { ready: true };

export type Message = Answer | Ended | Ready;
