import { type Readable, Transform } from 'node:stream';

/** Nobody reads this answer: the client closed the connection. The status is nginx's, for want of a standard one. */
export const CLIENT_LEFT = 499;

/** A request that is not taken; the status says why. Fastify answers by an error's `statusCode`. */
export class Untaken extends Error {
  readonly statusCode: 408 | 429 | typeof CLIENT_LEFT;

  constructor(statusCode: Untaken['statusCode'], message: string) {
    super(message);
    this.name = 'Untaken';
    this.statusCode = statusCode;
  }
}

export type IntakeLimits = {
  /** Of all requests together that are received, wait or are handled. */
  heldMaxBytes: number;
  /** What a request counts in addition to its body: its own objects. */
  requestCostBytes: number;
  /** Of all bodies that are handled at a time: parsed, they are many times as large. At least one body. */
  handledMaxBytes: number;
  /** A body that takes longer is not waited for: 408. */
  bodyTimeoutMs: number;
  /** Where there is no room, bodies that have been coming for longer have to go first. */
  slowMs: number;
};

/** What one request holds. */
export type Share = {
  /** Counts a body that is being received; the result fails with an Untaken if it cannot be taken to its end. */
  receive(payload: Readable): Readable;
  /**
   * Resolves when the body that was received may be handled; first come, first served. Rejects with an Untaken when it
   * is closed or left.
   */
  turn(): Promise<void>;
  /**
   * The connection is gone: gives back what it held, unless its turn has come. What is being handled holds its
   * memory until that is done, whoever still waits for it.
   */
  leave(): void;
  /** Gives everything back, once all is done; as often as you like. */
  close(): void;
};

/**
 * Bounds what the requests of all connections hold together, so that memory suffices whatever is sent. What does not
 * fit is refused with 429 (docs/decisions/webhook-overload.md says why). Senders that hold bytes without sending
 * more must not keep others out: they are refused first.
 *
 * @param now milliseconds on a clock that never jumps
 */
export function createIntake(limits: IntakeLimits, now: () => number): { open(): Share } {
  const { heldMaxBytes, requestCostBytes, handledMaxBytes, bodyTimeoutMs, slowMs } = limits;
  /** Bodies that are being received, oldest first. */
  const uploads = new Map<Readable, { sinceMs: number; close(): void }>();
  const queue = new Set<{ bytes: number; begin(): void }>();
  let held = 0;
  let handled = 0;

  /** Whether everything fits, if need be after slow senders have gone. */
  function hasRoomFor(newest: Readable): boolean {
    for (const [upload, { sinceMs, close }] of uploads) {
      if (held <= heldMaxBytes || upload === newest || now() - sinceMs < slowMs) break;
      upload.destroy(overloaded());
      close();
    }
    return held <= heldMaxBytes;
  }

  function beginNext(): void {
    for (const waiting of queue) {
      if (handled + waiting.bytes > handledMaxBytes) return;
      queue.delete(waiting);
      waiting.begin();
    }
  }

  function open(): Share {
    const own = { ended: undefined as Untaken | undefined, hasTurn: false, body: 0, held: 0, handled: 0 };
    let abandon: (why: Untaken) => void = () => {};

    function hold(bytes: number): void {
      if (own.ended) return;
      own.held += bytes;
      held += bytes;
    }

    function receive(payload: Readable): Readable {
      const counted = new Transform({
        transform(chunk: Buffer, _, done) {
          own.body += chunk.length;
          hold(chunk.length);
          done(hasRoomFor(counted) ? null : overloaded(), chunk);
        },
      });
      const tooSlow = () => counted.destroy(new Untaken(408, 'The body took too long.'));
      const timer = setTimeout(tooSlow, bodyTimeoutMs);
      const settle = () => {
        clearTimeout(timer);
        uploads.delete(counted);
      };
      abandon = (why) => {
        settle();
        // What still comes is thrown away, so that who is busy sending gets to read the answer.
        payload.unpipe(counted).resume();
        if (why.statusCode === CLIENT_LEFT) counted.destroy(why);
      };
      counted.once('end', settle).once('error', close);
      payload.once('error', (error) => counted.destroy(error));
      uploads.set(counted, { sinceMs: now(), close });
      hold(requestCostBytes);
      if (hasRoomFor(counted)) payload.pipe(counted);
      else counted.destroy(overloaded());
      return counted;
    }

    function turn(): Promise<void> {
      return new Promise((resolve, reject) => {
        if (own.ended) return reject(own.ended);
        const waiting = {
          bytes: own.body,
          begin: () => {
            own.hasTurn = true;
            own.handled = own.body;
            handled += own.body;
            resolve();
          },
        };
        abandon = (why) => queue.delete(waiting) && reject(why);
        queue.add(waiting);
        beginNext();
      });
    }

    const close = () => end(overloaded());
    const leave = () => {
      if (!own.hasTurn) end(new Untaken(CLIENT_LEFT, 'The client closed the connection.'));
    };

    function end(why: Untaken): void {
      own.ended ??= why;
      abandon(why);
      held -= own.held;
      handled -= own.handled;
      own.held = 0;
      own.handled = 0;
      beginNext();
    }

    return { receive, turn, leave, close };
  }

  return { open };
}

const overloaded = () => new Untaken(429, 'The webhook has as many requests as it can hold: try again.');
