import { join } from 'node:path';
import t from 'tap';
import { findMisplacedNodesConf } from '../../src/updater/misplaced.ts';

const nodesConf = `${'a'.repeat(40)} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected\n`;

t.test('a nodes.conf is found two levels deep, under whatever name', async (t) => {
  const dir = t.testdir({ 'dump.rdb': 'REDIS0011', data: { 'cluster.conf': nodesConf } });
  t.equal(await findMisplacedNodesConf(dir), join(dir, 'data/cluster.conf'));
  // A name in UTF-8 with the byte 0xA0, which latin1 calls a space.
  const named = Buffer.from(nodesConf.replace('@16379', '@16379,,nodename=\xd0\xa0'), 'latin1');
  const top = t.testdir({ 'node.conf': named });
  t.equal(await findMisplacedNodesConf(top), join(top, 'node.conf'));
});

t.test('three levels deep, our own backup, and files that only speak of it are not', async (t) => {
  const dir = t.testdir({
    a: { b: { 'nodes.conf': nodesConf } },
    'nodes.conf.redis-ip-updater.bak': nodesConf,
    'notes.txt': 'myself,master is a flag\n',
    'empty.conf': '',
  });
  t.equal(await findMisplacedNodesConf(dir), null);
});

t.test('a volume that is not there holds nothing', async (t) => {
  t.equal(await findMisplacedNodesConf(join(t.testdir(), 'no')), null);
});
