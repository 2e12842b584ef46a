import type { Container } from './shapes.ts';

/** One word each, also where a shell script or a written configuration file is one argument. */
export function argumentWords(container: Container): string[] {
  // A line that ends in a backslash goes on in the next one.
  return argumentsOf(container).flatMap((text) => text.split(/(?:\\\r?\n|[\s"';&|])+/));
}

/** The arguments that a shell reads: what is in them means something else than by itself. */
export function scripts(container: Container): string[] {
  return argumentsOf(container).filter((text) => /\s/.test(text));
}

const argumentsOf = ({ command, args }: Container) => [...(command ?? []), ...(args ?? [])];

/** The word after the last `name`, as the server reads it, which may hold a variable; undefined if there is none. */
export function argument(words: readonly string[], name: string): string | undefined {
  const at = words.lastIndexOf(name);
  return at === -1 ? undefined : words[at + 1] || undefined;
}
