import type { CoreV1Event } from '@kubernetes/client-node';
import { PROJECT } from '../names.ts';
import { type Obstacle, obstacleKey } from './decide.ts';

/** What is wrong, and the way out. `it` is like `Role redis-ip-updater`. */
const sentences: Record<Obstacle['reason'], (it: string) => string> = {
  ForeignObject: (it) =>
    `${it} was not made by redis-ip-updater (it has no label app.kubernetes.io/managed-by: ${PROJECT}) and is left alone: injected pods may lack their rights. Rename it, or delete it and it is made anew.`,
  OtherRoleRef: (it) =>
    `${it} refers to another role, which Kubernetes lets nobody change: injected pods may lack their rights. Delete it and it is made anew.`,
  ImmutableConfigMap: (it) =>
    `${it} is immutable, so pods cannot record their node ids in it. Copy its data, delete it, and create it again without immutable.`,
};

export function obstacleSentence({ reason, object }: Obstacle): string {
  return sentences[reason](`${object.kind} ${object.metadata?.name}`);
}

/**
 * The Event about an obstacle. Its name is made of the object's kind and uid and the reason, so that all
 * replicas, however often they tell, tell it once.
 */
export function obstacleEvent(obstacle: Obstacle, now: Date): CoreV1Event {
  const { reason, object, uid } = obstacle;
  const { apiVersion, kind } = object;
  const { name, namespace } = object.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${PROJECT}.${obstacleKey(obstacle)}`, namespace },
    involvedObject: { apiVersion, kind, name, namespace, uid },
    type: 'Warning',
    reason,
    message: obstacleSentence(obstacle),
    source: { component: PROJECT },
    reportingComponent: PROJECT,
    reportingInstance: PROJECT,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
