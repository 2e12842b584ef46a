/** Manifests as values: what the tests of deploy/ look at. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@kubernetes/client-node';
// Comes with client-node, whose own reader renames fields (`from`) and drops those that it does not know.
import { loadAll } from 'js-yaml';

const ROOT = join(import.meta.dirname, '../..');

/** An object whose fields a test knows. */
// biome-ignore lint/suspicious/noExplicitAny: of each kind another part is looked at
export type Manifest = KubernetesObject & Record<string, any>;

/** The objects of a YAML text, in order. */
export function objectsOf(yaml: string): Manifest[] {
  return (loadAll(yaml) as (Manifest | null | undefined)[]).filter((object) => object != null);
}

/** The objects of a file of the repository. */
export function objectsIn(file: string): Manifest[] {
  return objectsOf(readFileSync(join(ROOT, file), 'utf8'));
}

/** The one object of a kind, of that name if given. Throws if there is none, or another one. */
export function theOne(objects: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = objects.filter((o) => o.kind === kind && (name === undefined || o.metadata?.name === name));
  const [only, ...others] = found;
  if (!only || others.length > 0) throw new Error(`${found.length} objects ${kind} ${name ?? ''}`);
  return only;
}

type Variable = { name: string; value?: string; valueFrom?: { fieldRef: { fieldPath: string } } };

/** Name -> value of a container's environment; for what the kubelet fills in, the field that it takes. */
export function environment(container: { env: Variable[] }) {
  return Object.fromEntries(
    container.env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom?.fieldRef.fieldPath]),
  );
}
