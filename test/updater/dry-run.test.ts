import t from 'tap';
import { diffOf, withoutWrites } from '../../src/updater/dry-run.ts';

t.test('what would be recorded is only pretended', async (t) => {
  let data: Record<string, string> = { 'redis-1': 'b' };
  const api = withoutWrites(
    {
      listPods: async () => [],
      ownIps: async () => [],
      readMap: async () => data,
      writeOwnEntry: async () => {
        throw new Error('a dry run must not write');
      },
    },
    'redis-0',
  );
  t.same(await api.writeOwnEntry('a'), { 'redis-0': 'a', 'redis-1': 'b' });
  data = { 'redis-0': 'a', 'redis-1': 'b' };
  t.same(await api.writeOwnEntry(null), { 'redis-1': 'b' });
});

t.test('a diff, or a word where there is none', async (t) => {
  t.equal(diffOf([{ line: 3, before: 'old', after: 'new' }]), '@@ line 3 @@\n-old\n+new\n');
  t.equal(diffOf([]), 'nothing would change\n');
});
