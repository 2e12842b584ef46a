import type { Test } from 'tap';
import type { Client } from '../client.ts';
import type { ConfigMap } from '../objects.ts';
import { configMap, configMaps, type Subject } from './subject.ts';

type ConfigMapList = {
  kind: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: ConfigMap[];
};

/** Lists: pages of one moment, and selectors. */
export function listsContract(t: Test, client: Client, namespace: string, subject: Subject): void {
  const list = (query: string) => client.get<ConfigMapList>(`${configMaps(namespace)}?${query}`);
  const names = ({ items }: ConfigMapList) => items.map(({ metadata }) => metadata.name);
  const group = 'labelSelector=group%3Dpaged';

  t.before(async () => {
    const paged = ['p0', 'p1', 'p2', 'p3', 'p4'].map((name) => configMap(name, {}, { group: 'paged', name }));
    for (const map of paged) await client.create(configMaps(namespace), map);
    await client.create(configMaps(namespace), configMap('unlabelled'));
  });

  t.test('all pages are of the moment of the first', async (t) => {
    const first = await list(`${group}&limit=2`);
    t.equal(first.kind, 'ConfigMapList');
    t.same(names(first), ['p0', 'p1']);
    await client.delete(configMaps(namespace, 'p2'));
    await client.create(configMaps(namespace), configMap('p35', {}, { group: 'paged' }));
    const second = await list(`${group}&limit=2&continue=${first.metadata.continue}`);
    t.same(names(second), ['p2', 'p3'], 'deleted since, and still of that moment');
    t.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    const third = await list(`${group}&limit=2&continue=${second.metadata.continue}`);
    t.same(names(third), ['p4'], 'without the one created since');
    t.notOk(third.metadata.continue);
    t.same(names(await list(group)), ['p0', 'p1', 'p3', 'p35', 'p4']);
  });

  t.test('a list without selector says how many items remain', async (t) => {
    const all = await list('');
    const page = await list('limit=1');
    t.equal(page.metadata.remainingItemCount, all.items.length - 1);
  });

  t.test('a token that outlived its moment is a 410 Expired', async (t) => {
    const { metadata } = await list(`${group}&limit=2`);
    await client.create(configMaps(namespace), configMap('later'));
    await subject.compact();
    const query = `${group}&limit=2&continue=${metadata.continue}`;
    const { code, body } = await client.ask('GET', `${configMaps(namespace)}?${query}`);
    t.equal(code, 410);
    t.match(body, {
      kind: 'Status',
      reason: 'Expired',
      message: /^The provided continue parameter is too old/,
    });
  });

  t.test('a token that is none is a 400', async (t) => {
    const { code, body } = await client.ask('GET', `${configMaps(namespace)}?limit=2&continue=nonsense`);
    t.match(
      { code, body },
      { code: 400, body: { reason: 'BadRequest', message: /continue key is not valid/ } },
    );
  });

  for (const [selector, wanted] of [
    ['name=p1', ['p1']],
    ['group=paged,name!=p1', ['p0', 'p3', 'p35', 'p4']],
    ['name in (p0, p4)', ['p0', 'p4']],
    ['group,name notin (p0,p1)', ['p3', 'p35', 'p4']],
    ['group,!name', ['p35']],
  ] as const)
    t.test(`the selector ${selector}`, async (t) => {
      t.same(names(await list(`labelSelector=${encodeURIComponent(selector)}`)), wanted);
    });

  t.test('a selector of fields, and a malformed one', async (t) => {
    t.same(names(await list('fieldSelector=metadata.name%3Dp3')), ['p3']);
    const { code } = await client.ask('GET', `${configMaps(namespace)}?labelSelector=a%20b%20c`);
    t.equal(code, 400);
  });
}
