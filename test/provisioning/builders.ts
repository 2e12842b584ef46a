import type { V1StatefulSet } from '@kubernetes/client-node';
import { type StatefulSetView, viewStatefulSet } from '../../src/provisioning/views.ts';

type Shape = {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  podLabels?: Record<string, string>;
  podAnnotations?: Record<string, string>;
  account?: string;
  replicas?: number;
  start?: number;
  status?: V1StatefulSet['status'];
  generation?: number;
  deleting?: boolean;
};

/** A StatefulSet as a watch brings it; labelled, of three pods, and settled unless told. */
export function statefulSet(name: string, shape: Shape = {}): V1StatefulSet {
  const { labels = { 'redis-ip-updater.io/inject': 'true' }, replicas = 3, generation = 1 } = shape;
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: {
      name,
      namespace: 'shop',
      generation,
      labels,
      ...(shape.annotations && { annotations: shape.annotations }),
      ...(shape.deleting && { deletionTimestamp: '2026-11-22T00:00:00Z' as unknown as Date }),
    },
    spec: {
      serviceName: name,
      selector: { matchLabels: { app: name } },
      replicas,
      ...(shape.start !== undefined && { ordinals: { start: shape.start } }),
      template: {
        metadata: {
          labels: { app: name, ...shape.podLabels },
          ...(shape.podAnnotations && { annotations: shape.podAnnotations }),
        },
        spec: {
          containers: [{ name: 'redis', image: 'redis' }],
          ...(shape.account && { serviceAccountName: shape.account }),
        },
      },
    },
    status: shape.status ?? { observedGeneration: generation, replicas },
  };
}

export function view(name: string, shape: Shape = {}): StatefulSetView {
  return viewStatefulSet(statefulSet(name, shape));
}
