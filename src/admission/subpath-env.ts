import { updaterEnv } from '../names.ts';
import type { Objection } from './reasons.ts';
import type { Container, EnvVar, VolumeMount } from './shapes.ts';

/**
 * The container's env entries that a mount's subPathExpr needs, also those that their values name in turn, in
 * the order in which the kubelet expands them. An entry from envFrom cannot be copied alone: that is an objection,
 * as is a name that the updater uses for itself with another meaning.
 */
export function subPathEnv(container: Container, mount: VolumeMount): EnvVar[] | Objection {
  const env = container.env ?? [];
  const byName = Map.groupBy(env, ({ name }) => name);
  // Grows while it is walked through, by what the values name.
  const needed = new Set(references(mount.subPathExpr ?? ''));
  for (const variable of needed) {
    const entries = byName.get(variable);
    if (!entries) return { reason: 'subpath-env', variable, clash: false };
    for (const { value } of entries) for (const name of references(value ?? '')) needed.add(name);
  }
  const entries = env.filter((entry) => needed.has(entry.name));
  const clash = entries.find((entry) => isOurs(entry.name) && !isSameAsOurs(entry));
  if (clash) return { reason: 'subpath-env', variable: clash.name, clash: true };
  return entries.filter((entry) => !isOurs(entry.name));
}

/** What our downward API entries say: a copied one of the same name and meaning is left out. */
export const downwardEnv = {
  [updaterEnv.podName]: 'metadata.name',
  [updaterEnv.podNamespace]: 'metadata.namespace',
  [updaterEnv.podIp]: 'status.podIP',
  [updaterEnv.podIps]: 'status.podIPs',
} as const;

function isOurs(name: string): boolean {
  return Object.values<string>(updaterEnv).includes(name);
}

function isSameAsOurs({ name, valueFrom }: EnvVar): boolean {
  const ours = Object.entries(downwardEnv).find(([key]) => key === name);
  return ours !== undefined && ours[1] === valueFrom?.fieldRef?.fieldPath;
}

/** Names in `$(NAME)`; `$$` is an escaped dollar (k8s.io/kubernetes/third_party/forked/golang/expansion). */
function references(text: string): string[] {
  return [...text.matchAll(/\$\$|\$\(([^)]*)\)/g)].flatMap((match) => match[1] ?? []);
}
