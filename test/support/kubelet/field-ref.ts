/** The downward API: what a fieldRef of a pod means. */
import type { Pod } from '../kubernetes-api/objects.ts';

/** The addresses of a pod's present start; the API may still show older ones. */
export type Addressed = { pod: Pod; ip: string };

const plain: Record<string, (at: Addressed) => string> = {
  'metadata.name': ({ pod }) => pod.metadata.name,
  'metadata.namespace': ({ pod }) => pod.metadata.namespace ?? '',
  'metadata.uid': ({ pod }) => pod.metadata.uid ?? '',
  'spec.nodeName': ({ pod }) => pod.spec.nodeName ?? '',
  'spec.serviceAccountName': ({ pod }) => pod.spec.serviceAccountName ?? '',
  'status.podIP': ({ ip }) => ip,
  'status.podIPs': ({ ip }) => ip,
  'status.hostIP': () => HOST_IP,
};

export const HOST_IP = '127.0.0.1';

/** The value of a field path; one that is not known is an error. */
export function fieldValue(path: string, at: Addressed): string {
  const [, map, key = ''] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  if (map === 'labels' || map === 'annotations') return at.pod.metadata[map]?.[key] ?? '';
  const field = plain[path];
  if (!field) throw new Error(`the kubelet stand-in knows no fieldPath ${path}`);
  return field(at);
}
