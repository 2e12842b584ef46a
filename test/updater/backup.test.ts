import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { backupPath, keepBackup } from '../../src/updater/backup.ts';

const failing = (code: string) => async () => {
  throw Object.assign(new Error(`${code}: link`), { code });
};

t.test('a hard link where the file system has them', async (t) => {
  const path = join(t.testdir({ 'nodes.conf': 'content' }), 'nodes.conf');
  await keepBackup(path);
  t.equal((await stat(backupPath(path))).ino, (await stat(path)).ino);
});

t.test('a copy where it has none', async (t) => {
  const dir = t.testdir({ 'nodes.conf': 'content', 'nodes.conf.redis-ip-updater.bak': 'older' });
  const path = join(dir, 'nodes.conf');
  await keepBackup(path, failing('EPERM'));
  t.equal(await readFile(backupPath(path), 'utf8'), 'content');
  t.not((await stat(backupPath(path))).ino, (await stat(path)).ino);
});

t.test('any other trouble is not swallowed', async (t) => {
  const path = join(t.testdir({ 'nodes.conf': 'content' }), 'nodes.conf');
  await t.rejects(keepBackup(path, failing('EIO')), { code: 'EIO', message: /EIO/ });
});
