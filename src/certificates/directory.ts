import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodes, Failure } from '../errors.ts';
import { invalidity, type KeyPair, keyPair } from './key-pair.ts';
import type { CertificateSource, OnPair } from './source.ts';

/**
 * Reads tls.crt and tls.key of a directory. Throws a Failure that says what is wrong with them: not readable
 * (exit code 74), or not a matching pair (65). An expired pair is returned: whether it serves is not judged here.
 */
export async function readKeyPair(directory: string): Promise<KeyPair> {
  const [cert, key] = await Promise.all([read(join(directory, 'tls.crt')), read(join(directory, 'tls.key'))]);
  try {
    return keyPair(cert, key);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const sentence = `tls.crt and tls.key of ${directory} are not a certificate and its key: ${reason}`;
    throw new Failure(exitCodes.refused, sentence, { cause: error });
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Failure(exitCodes.io, `${path} cannot be read`, { cause: error });
  }
}

export type DirectoryOptions = {
  directory: string;
  pollMs: number;
  onPair: OnPair;
  /** Told once of each state of the files that is no pair; the old pair is kept then. */
  onRefused(failure: unknown): void;
  /** Milliseconds since the epoch. */
  now(): number;
};

/**
 * A source for certificates that somebody else makes: cert-manager, an own PKI. Rejects with a Failure if there
 * is no pair at the start. The contents are polled: a mounted Secret changes by a swapped symbolic link two
 * levels up, which file watchers miss, and cert and key are not written at one instant everywhere.
 */
export async function startDirectorySource(options: DirectoryOptions): Promise<CertificateSource> {
  const { directory, pollMs, onPair, onRefused, now } = options;
  let served = await readKeyPair(directory);
  let lastRefusal = '';
  let reading = false;
  onPair(served);
  const poll = async () => {
    if (reading) return;
    reading = true;
    try {
      const pair = await readKeyPair(directory);
      lastRefusal = '';
      if (pair.cert === served.cert && pair.key === served.key) return;
      served = pair;
      onPair(pair);
    } catch (error) {
      const refusal = String(error);
      if (refusal !== lastRefusal) onRefused(error);
      lastRefusal = refusal;
    } finally {
      reading = false;
    }
  };
  const timer = setInterval(() => void poll(), pollMs).unref();
  return {
    current: () => served,
    unready: () => [invalidity(served, now())].filter((reason) => reason !== undefined),
    caBundleMatches: () => undefined,
    stop: async () => clearInterval(timer),
  };
}
