import type { Container } from './shapes.ts';

/** One word each, also where a shell script or a written configuration file is one argument. */
export function argumentWords({ command, args }: Container): string[] {
  return [...(command ?? []), ...(args ?? [])].flatMap((text) => text.split(/[\s"';&|]+/));
}

/** The word after the last `name`, as the server reads it, which may hold a variable; undefined if there is none. */
export function argument(words: readonly string[], name: string): string | undefined {
  const at = words.lastIndexOf(name);
  return at === -1 ? undefined : words[at + 1] || undefined;
}
