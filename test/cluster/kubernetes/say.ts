/** Progress for whoever waits: on stderr, so that the TAP on stdout stays TAP. */
export function say(sentence: string): void {
  process.stderr.write(`cluster: ${sentence}\n`);
}
