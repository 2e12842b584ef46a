/** The sentence that the kubelet shows as the `message` of a terminated container's state. */
import { open } from 'node:fs/promises';

/** Made by the kubelet in every container, writable for every user. */
export const TERMINATION_LOG = '/dev/termination-log';

/** Writes only into a file that is there: outside of a container we must not make one. */
export async function writeTerminationMessage(path: string, sentence: string): Promise<void> {
  const file = await open(path, 'r+').catch(() => null);
  await file?.writeFile(sentence).finally(() => file.close());
}
