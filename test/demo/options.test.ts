import t from 'tap';
import { readOptions } from './options.ts';

t.test('without options: six nodes of redis-server', async (t) => {
  const defaults = { json: false, nodes: 6, server: 'redis-server', keep: false, baseline: false };
  t.same(readOptions([]), defaults);
  t.same(readOptions(['--json', '--nodes', '8', '--server', 'valkey-server', '--keep']), {
    ...defaults,
    json: true,
    nodes: 8,
    server: 'valkey-server',
    keep: true,
  });
});

for (const [args, sentence] of [
  [['--nodes', '7'], /^--nodes 7: it takes an even number from 6 on/],
  [['--nodes', '4'], /^--nodes 4: /],
  [['--nodes', 'many'], /^--nodes many: /],
  [['--server', 'memcached'], /^--server memcached: it is redis-server or valkey-server\.$/],
  [['--fast'], /--fast.* The options are --json/],
] as const)
  t.test(`${args.join(' ')} is refused in one sentence, with 64`, async (t) => {
    t.throws(() => readOptions([...args]), { exitCode: 64, message: sentence });
  });
