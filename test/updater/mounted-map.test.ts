import { join } from 'node:path';
import t from 'tap';
import { readMountedMap } from '../../src/updater/mounted-map.ts';

t.test('one value per key, through the links that the kubelet makes', async (t) => {
  const dir = t.testdir({
    '..2026_01_01': { 'redis-0': 'a', 'nodes.txt': 'b redis-1\n' },
    '..data': t.fixture('symlink', '..2026_01_01'),
    'redis-0': t.fixture('symlink', '..data/redis-0'),
    'nodes.txt': t.fixture('symlink', '..data/nodes.txt'),
  });
  t.same(await readMountedMap(dir), { 'redis-0': 'a', 'nodes.txt': 'b redis-1\n' });
});

t.test('a ConfigMap that did not exist when the pod was made is an empty map', async (t) => {
  t.same(await readMountedMap(t.testdir()), {});
  t.same(await readMountedMap(join(t.testdir(), 'no')), {});
});
