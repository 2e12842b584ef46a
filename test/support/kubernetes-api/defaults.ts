/** What the API server fills in, and what it refuses, before admission sees an object: the few fields used here. */
import type { ConfigMap, Container, KubernetesObject, Pod } from './objects.ts';
import { isRecord } from './patch.ts';
import { type Resource, resources } from './resources.ts';
import { badRequest, invalid } from './status.ts';

/** The object with the defaults of its kind. */
export function withDefaults(resource: Resource, object: KubernetesObject): KubernetesObject {
  if (resource === resources.pods) return podWithDefaults(object as Pod);
  if (resource !== resources.namespaces) return object;
  const labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
  return { ...object, metadata: { ...object.metadata, labels }, status: { phase: 'Active' } };
}

function podWithDefaults(pod: Pod): Pod {
  const container = (spec: Container): Container => ({ terminationMessagePolicy: 'File', ...spec });
  return {
    ...pod,
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      ...pod.spec,
      containers: pod.spec.containers.map(container),
      ...(pod.spec.initContainers && { initContainers: pod.spec.initContainers.map(container) }),
    },
    status: { phase: 'Pending' },
  };
}

/** Refuses what a real server would: 422 for a rule broken, 400 for a value of the wrong type. */
export function validate(resource: Resource, object: KubernetesObject): void {
  const { name } = object.metadata;
  if (!/^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$/.test(name))
    throw invalid(resource, name, `metadata.name: Invalid value: "${name}": a lowercase RFC 1123 subdomain`);
  if (resource === resources.pods) validatePod(object as Pod);
  if (resource === resources.configmaps) validateConfigMap(object as ConfigMap);
}

function validatePod(pod: Pod): void {
  const volumes = new Set((pod.spec.volumes ?? []).map((volume) => volume.name));
  const seen = new Set<string>();
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const refuse = (why: string) => invalid(resources.pods, pod.metadata.name, why);
    if (seen.has(container.name)) throw refuse(`spec.containers.name: Duplicate value: "${container.name}"`);
    seen.add(container.name);
    for (const mount of container.volumeMounts ?? [])
      if (!volumes.has(mount.name)) throw refuse(`volumeMounts.name: Not found: "${mount.name}"`);
  }
}

function validateConfigMap(map: ConfigMap): void {
  for (const [key, value] of Object.entries(map.data ?? {})) {
    if (typeof value !== 'string')
      throw badRequest(`cannot unmarshal ${typeof value} into Go struct field ConfigMap.data of type string`);
    if (!/^[-._a-zA-Z0-9]+$/.test(key))
      throw invalid(resources.configmaps, map.metadata.name, `data[${key}]: Invalid value: "${key}"`);
  }
}

/** Reads the body of a write as an object of `resource`; anything else is a 400. */
export function decodeObject(resource: Resource, apiVersion: string, body: unknown): KubernetesObject {
  if (!isRecord(body))
    throw badRequest(`the object provided is unrecognized (must be of type ${resource.kind})`);
  const { kind = resource.kind, apiVersion: version = apiVersion, metadata } = body;
  if (kind !== resource.kind || version !== apiVersion)
    throw badRequest(
      `${String(kind)} in version "${String(version)}" cannot be handled as a ${resource.kind}`,
    );
  if (!isRecord(metadata))
    throw invalid(resource, '', 'metadata.name: Required value: name or generateName is required');
  if (resource === resources.pods && !hasContainers(body))
    throw invalid(resource, String(metadata.name ?? ''), 'spec.containers: Required value');
  const { name = '', ...rest } = metadata;
  return {
    ...body,
    kind,
    apiVersion: version,
    metadata: { ...rest, name: String(name) },
  } as KubernetesObject;
}

function hasContainers({ spec }: Record<string, unknown>): boolean {
  return isRecord(spec) && Array.isArray(spec.containers) && spec.containers.length > 0;
}
