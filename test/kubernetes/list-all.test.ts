import t from 'tap';
import { listAll, type Page } from '../../src/kubernetes/list-all.ts';

const pages: Record<string, { names: string[]; next?: string }> = {
  first: { names: ['a', 'b'], next: 'second' },
  second: { names: ['c'], next: 'third' },
  third: { names: ['d'] },
};

t.test('all pages are one list, each object reduced', async (t) => {
  const asked: Page[] = [];
  const { items, metadata } = await listAll(
    async (page) => {
      asked.push(page);
      const { names, next } = pages[page._continue ?? 'first'] ?? { names: [] };
      return {
        metadata: { resourceVersion: '7', ...(next && { _continue: next }) },
        items: names.map((name) => ({ metadata: { name }, spec: 'large' })),
      };
    },
    ({ metadata }) => ({ metadata }),
  );
  t.same(
    items,
    ['a', 'b', 'c', 'd'].map((name) => ({ metadata: { name } })),
  );
  t.equal(metadata?.resourceVersion, '7');
  t.same(
    asked.map(({ _continue }) => _continue),
    [undefined, 'second', 'third'],
  );
});

t.test('a page that fails fails the list', async (t) => {
  const list = listAll(
    async ({ _continue }) => {
      if (_continue) throw new Error('expired');
      return { metadata: { _continue: 'next' }, items: [] };
    },
    (object) => object,
  );
  await t.rejects(list, /expired/);
});
