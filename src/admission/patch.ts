import jsonPatch, { type AddOperation } from 'fast-json-patch';
import type { Injection } from './inject.ts';
import type { Pod } from './shapes.ts';

export type Patch = AddOperation<unknown>[];

/**
 * The injection as JSON Patch (RFC 6902): `add` operations only, each for one member or one array element.
 * What the pod has stays as it is, in its order, also what we know nothing of.
 */
export function patchFor(pod: Pod, injection: Injection): Patch {
  const { metadata, spec } = pod;
  const { serviceAccountName } = injection;
  const position = injection.order === 'first' ? '0' : '-';
  return [
    ...addMembers('/metadata/labels', metadata.labels, injection.labels),
    ...addMembers('/metadata/annotations', metadata.annotations, injection.annotations),
    ...addElements('/spec/initContainers', spec.initContainers, [injection.initContainer], position),
    ...addElements('/spec/volumes', spec.volumes, injection.volumes, '-'),
    ...addElements('/spec/imagePullSecrets', spec.imagePullSecrets, newPullSecrets(pod, injection), '-'),
    // The deprecated alias too: the API server keeps both equal, and reads either.
    ...(serviceAccountName
      ? addMembers('/spec', spec, { serviceAccountName, serviceAccount: serviceAccountName })
      : []),
  ];
}

/**
 * The API server gives a pod the secrets of its account only where it has none of its own, and before it asks us: those
 * of our account would never come to a pod that keeps its account, or that brings secrets.
 */
function newPullSecrets({ spec }: Pod, { imagePullSecrets }: Injection): object[] {
  const has = new Set(spec.imagePullSecrets?.map(({ name }) => name));
  return imagePullSecrets.filter((name) => !has.has(name)).map((name) => ({ name }));
}

function addMembers(
  parent: string,
  existing: object | null | undefined,
  members: Record<string, string>,
): Patch {
  if (!existing) return [add(parent, members)];
  return Object.entries(members).map(([name, value]) =>
    add(`${parent}/${jsonPatch.escapePathComponent(name)}`, value),
  );
}

function addElements(
  parent: string,
  existing: unknown[] | null | undefined,
  elements: object[],
  position: '0' | '-',
): Patch {
  if (!existing && elements.length > 0) return [add(parent, elements)];
  return elements.map((element) => add(`${parent}/${position}`, element));
}

function add(path: string, value: unknown): AddOperation<unknown> {
  return { op: 'add', path, value };
}
