import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { exitCodes, Failure } from '../errors.ts';

/** A certificate chain and its private key, both PEM, known to belong together. Times in ms since the epoch. */
export type KeyPair = { cert: string; key: string; notBeforeMs: number; notAfterMs: number };

/**
 * Reads tls.crt and tls.key of a directory. Throws a Failure that says what is wrong with them: not readable
 * (exit code 74), or not a matching pair (65). An expired pair is returned: whether it serves is not judged here.
 */
export async function readKeyPair(directory: string): Promise<KeyPair> {
  const [cert, key] = await Promise.all([read(join(directory, 'tls.crt')), read(join(directory, 'tls.key'))]);
  try {
    // Throws on a garbled file, and on a key that is not the certificate's.
    createSecureContext({ cert, key });
    const leaf = new X509Certificate(cert);
    return { cert, key, notBeforeMs: leaf.validFromDate.getTime(), notAfterMs: leaf.validToDate.getTime() };
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

export type DirectoryWatcher = { stop(): void };

/**
 * Calls `onChange` for each new pair in the directory, `onRefused` once for each state of the files that is no
 * pair; the caller keeps what it has then. The contents are polled: a mounted Secret changes by a swapped
 * symbolic link two levels up, which file watchers miss, and cert and key are not written at one instant
 * everywhere.
 */
export function watchKeyPair(
  directory: string,
  current: KeyPair,
  pollMs: number,
  onChange: (pair: KeyPair) => void,
  onRefused: (failure: unknown) => void,
): DirectoryWatcher {
  let served = current;
  let lastRefusal = '';
  let reading = false;
  const poll = async () => {
    if (reading) return;
    reading = true;
    try {
      const pair = await readKeyPair(directory);
      lastRefusal = '';
      if (pair.cert === served.cert && pair.key === served.key) return;
      served = pair;
      onChange(pair);
    } catch (error) {
      const refusal = String(error);
      if (refusal !== lastRefusal) onRefused(error);
      lastRefusal = refusal;
    } finally {
      reading = false;
    }
  };
  const timer = setInterval(() => void poll(), pollMs).unref();
  return { stop: () => clearInterval(timer) };
}
