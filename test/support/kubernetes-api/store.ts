/**
 * The objects, with one revision that grows by one with every write, as etcd's does. An object that was stored is
 * never changed again (a write stores a new one), so a list of objects is a snapshot for free.
 */
import type { KubernetesObject } from './objects.ts';
import type { Resource } from './resources.ts';

export type Change = {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  revision: number;
  resource: Resource;
  object: KubernetesObject;
  /** What was there before, unless it was added. */
  previous?: KubernetesObject;
};

export class Store {
  #revision = 1;
  #compacted = 0;
  #history: Change[] = [];
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #compactions = new Set<() => void>();

  get revision(): number {
    return this.#revision;
  }

  get(resource: Resource, namespace: string, name: string): KubernetesObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name));
  }

  /** All objects of a resource, or those of one namespace, in the order of namespace and name. */
  list(resource: Resource, namespace = ''): KubernetesObject[] {
    const prefix = namespace ? keyOf(resource, namespace, '') : `${resource.group}/${resource.plural}/`;
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => this.#objects.get(key)).filter((object) => object !== undefined);
  }

  /** Stores an object under its namespace and name, new or not; the answer carries its resourceVersion. */
  put(resource: Resource, object: KubernetesObject): KubernetesObject {
    const key = keyOf(resource, object.metadata.namespace ?? '', object.metadata.name);
    const previous = this.#objects.get(key);
    const stored = this.#stamp(object);
    this.#objects.set(key, stored);
    this.#record({
      type: previous ? 'MODIFIED' : 'ADDED',
      revision: this.#revision,
      resource,
      object: stored,
      ...(previous && { previous }),
    });
    return stored;
  }

  remove(resource: Resource, object: KubernetesObject): KubernetesObject {
    const last = this.#stamp(object);
    this.#objects.delete(keyOf(resource, object.metadata.namespace ?? '', object.metadata.name));
    this.#record({ type: 'DELETED', revision: this.#revision, resource, object: last, previous: object });
    return last;
  }

  /** The changes after a revision, or `undefined` when they are no longer known. */
  since(revision: number): Change[] | undefined {
    if (revision < this.#compacted) return undefined;
    return this.#history.filter((change) => change.revision > revision);
  }

  /** Forgets the history, as etcd does every few minutes: older watches and pages get 410. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history = [];
    for (const listener of this.#compactions) listener();
  }

  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onCompaction(listener: () => void): void {
    this.#compactions.add(listener);
  }

  #stamp(object: KubernetesObject): KubernetesObject {
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
  }

  #record(change: Change): void {
    this.#history.push(change);
    for (const listener of this.#listeners) listener(change);
  }
}

function keyOf(resource: Resource, namespace: string, name: string): string {
  return `${resource.group}/${resource.plural}/${namespace}/${name}`;
}
