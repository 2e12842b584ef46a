import type { Test } from 'tap';
import type { Client, WatchEvent } from '../client.ts';
import type { ConfigMap } from '../objects.ts';
import { configMap, configMaps, type Subject } from './subject.ts';

/** Watches: every change once, in order, from a given moment on. */
export function watchesContract(t: Test, client: Client, namespace: string, subject: Subject): void {
  const now = async () => {
    const { metadata } = await client.get<ConfigMap>(configMaps(namespace));
    return metadata.resourceVersion;
  };
  const watch = async (query: string, count: number) => {
    const ending = new AbortController();
    const events: WatchEvent<ConfigMap>[] = [];
    for await (const event of client.watch<ConfigMap>(
      `${configMaps(namespace)}?watch=true&${query}`,
      ending.signal,
    )) {
      events.push(event);
      if (events.length === count) ending.abort();
    }
    return events;
  };
  const brief = (events: WatchEvent<ConfigMap>[]) =>
    events.map(({ type, object }) => `${type} ${object.metadata.name}`);
  const label = (name: string, value: string | null) =>
    client.merge(configMaps(namespace, name), { metadata: { labels: { seen: value } } });

  t.test('changes after a resourceVersion come in order, those of the past included', async (t) => {
    const from = await now();
    await client.create(configMaps(namespace), configMap('w1'));
    const watching = watch(`resourceVersion=${from}`, 3);
    await label('w1', 'yes');
    await client.delete(configMaps(namespace, 'w1'));
    const events = await watching;
    t.same(brief(events), ['ADDED w1', 'MODIFIED w1', 'DELETED w1']);
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
    t.same(
      versions,
      versions.toSorted((a, b) => a - b),
    );
    t.equal(events[0]?.object.kind, 'ConfigMap', 'unlike the items of a list');
  });

  t.test('to a selector, an object that stops matching is deleted', async (t) => {
    const from = await now();
    await client.create(configMaps(namespace), configMap('w2'));
    await label('w2', 'yes');
    await label('w2', null);
    const events = await watch(`resourceVersion=${from}&labelSelector=seen`, 2);
    t.same(brief(events), ['ADDED w2', 'DELETED w2']);
  });

  t.test('without a resourceVersion it begins with what is there', async (t) => {
    await client.create(configMaps(namespace), configMap('w3'));
    t.same(brief(await watch('fieldSelector=metadata.name%3Dw3', 1)), ['ADDED w3']);
  });

  t.test('a moment that is forgotten is an ERROR event with a 410', async (t) => {
    const from = await now();
    await client.create(configMaps(namespace), configMap('w4'));
    await subject.compact();
    const [event] = await watch(`resourceVersion=${Number(from) - 1}`, 1);
    t.match(event, { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
  });

  t.test('it ends after its timeout', async (t) => {
    const startedAt = performance.now();
    t.same(await watch(`resourceVersion=${await now()}&timeoutSeconds=1`, 1), []);
    t.ok(performance.now() - startedAt < 5000);
  });
}
