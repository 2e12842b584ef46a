/** Settings of the server as the container's arguments, scripts in them and its variables write them. */
import { argument, argumentWords } from './arguments.ts';
import type { Container, EnvVar, Pod } from './shapes.ts';

/** bitnami's images read a setting from a variable of its name, too. */
export const ENV_PREFIXES = ['REDIS', 'VALKEY'];

/** What a text of the container means, as far as the pod shows it. */
type Meaning = { kind: 'pod-ip' | 'elsewhere' | 'unknown' } | { kind: 'text'; text: string };

export type Written = {
  words: readonly string[];
  /** The text of a `cluster-…` setting, whose name is a word of configuration also without dashes. */
  setting(name: `cluster-${string}`): string | undefined;
  /** `$(VARIABLE)` for bitnami's variable of the setting; undefined if there is none. */
  reference(name: string): string | undefined;
  mean(text: string): Meaning;
};

export function written(container: Container, pod: Pod): Written {
  const words = argumentWords(container);
  const env = container.env ?? [];
  const reference = (name: string) => referenceIn(env, name);
  return {
    words,
    setting: (name) => argument(words, `--${name}`) ?? argument(words, name) ?? reference(name),
    reference,
    mean: (text) => meaning(text, env, pod),
  };
}

function referenceIn(env: readonly EnvVar[], setting: string): string | undefined {
  const name = setting.toUpperCase().replaceAll('-', '_');
  const entry = env.findLast((entry) => ENV_PREFIXES.some((prefix) => entry.name === `${prefix}_${name}`));
  return entry && `$(${entry.name})`;
}

/** `$(NAME)` of the kubelet, `$NAME` and `${NAME}` of a shell; anything else with a `$` is not ours to read. */
function meaning(text: string, env: readonly EnvVar[], pod: Pod): Meaning {
  const name = /^\$(?:\((\w+)\)|\{(\w+)\}|(\w+))$/.exec(text)?.slice(1).find(Boolean);
  if (name === undefined) return /[$`]/.test(text) ? { kind: 'unknown' } : { kind: 'text', text };
  const at = env.findLastIndex((entry) => entry.name === name);
  const entry = env[at];
  if (!entry) return { kind: 'unknown' };
  // As with the kubelet, a value names only entries before it.
  if (!entry.valueFrom) return meaning(entry.value ?? '', env.slice(0, at), pod);
  const path = entry.valueFrom.fieldRef?.fieldPath ?? '';
  const own = /^status\.podIPs?$/.test(path) || (pod.spec.hostNetwork && /^status\.hostIPs?$/.test(path));
  return { kind: own ? 'pod-ip' : 'elsewhere' };
}
