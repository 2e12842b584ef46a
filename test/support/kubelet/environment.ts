/** The environment of a container, and `$(NAME)` in its command, args and values. */
import type { Container } from '../kubernetes-api/objects.ts';
import { type Addressed, fieldValue } from './field-ref.ts';

export type Environment = Record<string, string>;

/** Exactly what the spec says, on top of what every container of the cluster gets. */
export function environmentOf(container: Container, at: Addressed, base: Environment): Environment {
  const environment = { ...base };
  for (const { name, value = '', valueFrom } of container.env ?? []) {
    const path = valueFrom?.fieldRef?.fieldPath;
    if (valueFrom && !path)
      throw new Error(`the kubelet stand-in knows only fieldRef in valueFrom (${name})`);
    environment[name] = path ? fieldValue(path, at) : expand(value, environment);
  }
  return environment;
}

/** Replaces `$(NAME)`; an unknown name stays as it is, `$$(NAME)` means a literal `$(NAME)`. */
export function expand(text: string, environment: Environment): string {
  return text.replace(/\$\$|\$\(([^)]+)\)/g, (match, name: string | undefined) => {
    if (match === '$$') return '$';
    return (name !== undefined && environment[name]) || match;
  });
}
