/** LIST, then WATCH from there, and again from the start when the watch ends: how controllers see the world. */
import type { Client } from './client.ts';
import type { List } from './list-pages.ts';
import type { KubernetesObject } from './objects.ts';

export type Following<T> = {
  /** The objects as last seen, by namespace and name. */
  objects: ReadonlyMap<string, T>;
  stop(): Promise<void>;
};

/**
 * Follows a collection. `changed` is called after every change, and once when the first list is in; resolves then.
 * `failed` hears of whatever ends it before `stop`.
 */
export async function follow<T extends KubernetesObject>(
  client: Client,
  path: string,
  changed: () => void,
  failed: (error: unknown) => void,
): Promise<Following<T>> {
  const objects = new Map<string, T>();
  const ending = new AbortController();
  const keyOf = ({ metadata }: T) => `${metadata.namespace ?? ''}/${metadata.name}`;

  const list = async () => {
    const { items, metadata } = await client.get<List>(path);
    objects.clear();
    for (const item of items as unknown as T[]) objects.set(keyOf(item), item);
    changed();
    return metadata.resourceVersion;
  };
  const watchFrom = async (resourceVersion: string) => {
    const query = `watch=true&resourceVersion=${resourceVersion}`;
    for await (const { type, object } of client.watch<T>(`${path}?${query}`, ending.signal)) {
      if (type === 'ERROR') return;
      if (type === 'DELETED') objects.delete(keyOf(object));
      else objects.set(keyOf(object), object);
      changed();
    }
  };
  const keepWatching = async (first: string) => {
    let resourceVersion = first;
    while (!ending.signal.aborted) {
      await watchFrom(resourceVersion);
      if (!ending.signal.aborted) resourceVersion = await list();
    }
  };
  const running = keepWatching(await list()).catch((error: unknown) => {
    if (!ending.signal.aborted) failed(error);
  });
  return {
    objects,
    stop: async () => {
      ending.abort();
      await running;
    },
  };
}
