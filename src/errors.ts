/**
 * Exit codes of our programs. They follow sysexits.h, so that a status seen in `kubectl get pod -o yaml`
 * says what kind of help is needed.
 */
export const exitCodes = {
  ok: 0,
  /** A bad argument or environment value. */
  usage: 64,
  /** A nodes.conf that must not be used, or two claims to one identity: a person has to decide. */
  refused: 65,
  /** The Kubernetes API could not be reached or did not serve us in time. */
  unavailable: 69,
  /** Reading or writing the volume failed. */
  io: 74,
  /** The Kubernetes API knows us and says no. */
  forbidden: 77,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A foreseen failure: one sentence for a person that says what is wrong, where, and what to do. */
export class Failure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, sentence: string, options?: { cause?: unknown }) {
    super(sentence, options);
    this.name = 'Failure';
    this.exitCode = exitCode;
  }
}
