import type { Certificate } from './certificate.ts';
import type { Occasion } from './plan.ts';

/** `atMs`: when the API server answered, by its own clock, in milliseconds since the epoch. */
export type SeenSecret = { atMs: number } & (
  | { kind: 'absent' }
  | { kind: 'present'; version: string; data: Record<string, string>; rotationAsked: boolean }
);

export type SeenConfiguration =
  | { kind: 'absent' }
  /**
   * `index` is where our webhook stood in that version; `caBundle` is PEM, empty where there is none.
   * `unchangedForMs`: for how long it has been so at least, by API servers' clocks; 0 where nobody noted it.
   */
  | { kind: 'webhook'; version: string; index: number; caBundle: string; unchangedForMs: number };

/** What self-managed certificates ask of the Kubernetes API. Calls reject with a Failure. */
export type CertificateApi = {
  readSecret(): Promise<SeenSecret>;
  readConfiguration(): Promise<SeenConfiguration>;
  /** Writes if nobody has written since, and takes back a wish for rotation; false if somebody has. */
  writeSecret(data: Record<string, string>, seen: SeenSecret): Promise<boolean>;
  /** Writes if nobody has written since; false if somebody has. */
  writeCaBundle(pem: string, seen: SeenConfiguration & { kind: 'webhook' }): Promise<boolean>;
  /** An Event about a new CA, at the Secret. */
  tell(occasion: Occasion, certificate: Certificate, now: Date): Promise<void>;
  /** Calls back when the Secret or the webhook configuration may have changed. */
  follow(onChange: () => void): { stop(): Promise<void> };
};
