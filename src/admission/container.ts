import { annotations } from '../names.ts';
import type { Objection } from './reasons.ts';
import type { Container, Pod } from './shapes.ts';

const SERVERS = ['redis', 'valkey', 'keydb'];
/** Images named after the server that are not the server. */
const NOT_SERVERS = ['exporter', 'sentinel'];

/**
 * The container that runs the server: the one that the annotation names; else the only one that looks like it
 * by its image or by switching cluster-enabled on; else the pod's only container.
 */
export function chooseContainer(pod: Pod, named: string | undefined): Container | Objection {
  const containers = pod.spec.containers ?? [];
  if (named !== undefined) {
    const found = containers.find((container) => container.name === named);
    const expected = "the name of one of the pod's containers";
    return (
      found ?? { reason: 'invalid-annotation', annotation: annotations.container, value: named, expected }
    );
  }
  const candidates = containers.filter((container) => isServerImage(container.image) || isCluster(container));
  if (candidates.length > 1) {
    return { reason: 'ambiguous-container', names: candidates.map((container) => container.name) };
  }
  const only = containers.length === 1 ? containers[0] : undefined;
  return candidates[0] ?? only ?? { reason: 'no-redis-container' };
}

/** `registry:5000/team/redis-cluster:7@sha256:...` is judged by `redis-cluster`. */
function isServerImage(image: string | null | undefined): boolean {
  const withoutDigest = (image ?? '').split('@')[0] ?? '';
  const name = withoutDigest.split('/').at(-1)?.split(':')[0] ?? '';
  if (NOT_SERVERS.some((word) => name.includes(word))) return false;
  return SERVERS.some((server) => name.startsWith(server) || name.endsWith(server));
}

/** Arguments come as one string each (`--cluster-enabled`, `yes`) or as a shell script in one string. */
function isCluster({ command, args }: Container): boolean {
  const line = [...(command ?? []), ...(args ?? [])].join(' ');
  return /\bcluster-enabled\b(?!["'\s]+no\b)/.test(line);
}
