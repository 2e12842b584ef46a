import t from 'tap';
import { refusalFailure } from '../../src/updater/sentences.ts';

const where = { podName: 'redis-0', podNamespace: 'shop', nodesConf: '/data/nodes.conf' };

t.test('a sentence shows a node id whole, and of anything else in its place a printable start', async (t) => {
  const recorded = (id: string) =>
    refusalFailure({ kind: 'lost-volume', entry: { id, pod: 'redis-0', line: null } }, where).message;
  t.match(recorded('a'.repeat(40)), /, but node id a{40} is recorded for pod redis-0: /);
  t.match(recorded(`\n\u009b${'x'.repeat(1_000_000)}`), /, but node id \\n\\u009bx{32}\.\.\. is recorded/);
});
