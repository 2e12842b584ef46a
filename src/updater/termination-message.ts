/** The sentence that the kubelet shows as the `message` of a terminated container's state. */
import { open } from 'node:fs/promises';

/** Made by the kubelet in every container, writable for every user. */
export const TERMINATION_LOG = '/dev/termination-log';

/** The kubelet shows the end of what is longer: of a sentence that has to be cut, the start says more. */
const BYTES_AT_MOST = 4096;

/**
 * Writes only into a file that is there: outside of a container we must not make one. Never throws: the log has the
 * sentence too, and the exit code must stay what it is, also where the disk of the kubelet is full.
 */
export async function writeTerminationMessage(path: string, sentence: string): Promise<void> {
  const file = await open(path, 'r+').catch(() => null);
  const bytes = Buffer.alloc(BYTES_AT_MOST);
  const { written } = new TextEncoder().encodeInto(sentence, bytes);
  await file
    ?.writeFile(bytes.subarray(0, written))
    .finally(() => file.close())
    .catch(() => {});
}
