import type { KeyPair } from './key-pair.ts';

/**
 * Where the webhook's serving certificate comes from.
 *
 * A source is started before the server listens, and keeps working until it is stopped. It calls `onPair` with
 * each pair from which new handshakes are to be served from then on; open connections are none of its business.
 * A pair that was given stays good to serve until the next one is given: a source that cannot renew keeps quiet
 * and says why in its log and in `unready`. It never throws after its start, and never ends the process.
 */
export type CertificateSource = {
  /** The last pair given to `onPair`; undefined before the first. */
  current(): KeyPair | undefined;
  /** Why API servers would not accept what is served, one phrase each; none: they do, as far as can be seen. */
  unready(): string[];
  /**
   * Whether the caBundle of the webhook configuration holds the CA of the served certificate, as last seen;
   * undefined from a source that does not look.
   */
  caBundleMatches(): boolean | undefined;
  stop(): Promise<void>;
};

export type OnPair = (pair: KeyPair) => void;
