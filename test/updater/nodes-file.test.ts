import {
  chmod,
  chown,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { backupPath } from '../../src/updater/backup.ts';
import {
  type NodesFile,
  readNodesFile,
  removeLeftover,
  replaceNodesFile,
} from '../../src/updater/nodes-file.ts';
import { run } from '../cluster/kubernetes/command.ts';

async function read(path: string): Promise<NodesFile> {
  const file = await readNodesFile(path);
  if (!file) throw new Error(`${path} is not there`);
  return file;
}

t.test('the new content is there with owner and mode, the old one beside it, nothing else', async (t) => {
  const path = join(t.testdir({ 'nodes.conf': 'old\n' }), 'nodes.conf');
  await chmod(path, 0o640);
  if (process.getuid?.() === 0) await chown(path, 999, 1000);
  const before = await stat(path);
  await replaceNodesFile(await read(path), 'new\xff\n');
  const after = await stat(path);
  t.same(await readFile(path), Buffer.from('new\xff\n', 'latin1'));
  t.equal(await readFile(backupPath(path), 'latin1'), 'old\n');
  t.same([after.uid, after.gid, after.mode], [before.uid, before.gid, before.mode]);
  t.not(after.ino, before.ino, 'a new file, so that the backup stays as it is when redis writes in place');
  t.same((await readdir(t.testdirName)).sort(), ['nodes.conf', 'nodes.conf.redis-ip-updater.bak']);
});

t.test('the backup is the content before the last change', async (t) => {
  const path = join(t.testdir({ 'nodes.conf': '1' }), 'nodes.conf');
  await replaceNodesFile(await read(path), '2');
  await replaceNodesFile(await read(path), '3');
  t.equal(await readFile(path, 'latin1'), '3');
  t.equal(await readFile(backupPath(path), 'latin1'), '2');
});

t.test('a symbolic link stays one: its target is replaced', async (t) => {
  const dir = t.testdir({
    volume: { 'nodes.conf': 'old' },
    'nodes.conf': t.fixture('symlink', 'volume/nodes.conf'),
  });
  await replaceNodesFile(await read(join(dir, 'nodes.conf')), 'new');
  t.equal(await readFile(join(dir, 'volume/nodes.conf'), 'latin1'), 'new');
  t.same(await readdir(dir), ['nodes.conf', 'volume']);
  t.ok((await stat(join(dir, 'volume/nodes.conf.redis-ip-updater.bak'))).isFile());
});

t.test('no file, no directory, and a link to nothing are all: no file', async (t) => {
  const dir = t.testdir({ file: '' });
  await symlink('nowhere', join(dir, 'dangling'));
  for (const name of ['nodes.conf', 'no/nodes.conf', 'file/nodes.conf', 'dangling']) {
    t.equal(await readNodesFile(join(dir, name)), null, name);
  }
});

t.test('a directory in the place of the file is an I/O failure with its path', async (t) => {
  const dir = t.testdir({ 'nodes.conf': {} });
  await t.rejects(readNodesFile(join(dir, 'nodes.conf')), {
    exitCode: 74,
    message: /nodes\.conf cannot be read, because it is a directory or a special file/,
  });
});

t.test('a named pipe in its place is said, not waited for', async (t) => {
  const path = join(t.testdir(), 'nodes.conf');
  await run(['mkfifo', path]);
  await t.rejects(readNodesFile(path), {
    exitCode: 74,
    message: /nodes\.conf cannot be read, because it is/,
  });
});

t.test('a directory where our temporary file goes: the sentence says which to remove', async (t) => {
  const path = join(t.testdir({ 'nodes.conf': 'x', 'nodes.conf.redis-ip-updater.tmp': {} }), 'nodes.conf');
  await t.rejects(removeLeftover(path), {
    exitCode: 74,
    message: /nodes\.conf cannot be rewritten .*\.tmp'\): remove that directory\.$/,
  });
});

t.test('a file that changes while we work is left to who changes it', async (t) => {
  const path = join(t.testdir({ 'nodes.conf': 'old' }), 'nodes.conf');
  const file = await read(path);
  await writeFile(path, 'changed by a server');
  await t.rejects(replaceNodesFile(file, 'new'), { exitCode: 74, message: /changed while it was read/ });
  t.equal(await readFile(path, 'latin1'), 'changed by a server');
  t.same(await readdir(t.testdirName), ['nodes.conf'], 'nothing is left beside it');
});

t.test('what an interrupted run left is removed at the start, and only that', async (t) => {
  const dir = t.testdir({
    'nodes.conf': 'x',
    'nodes.conf.redis-ip-updater.tmp': 'half',
    'nodes.conf.tmp': 'of redis',
  });
  await removeLeftover(join(dir, 'nodes.conf'));
  t.same(await readdir(dir), ['nodes.conf', 'nodes.conf.tmp']);
  await removeLeftover(join(dir, 'nodes.conf'));
  await removeLeftover(join(dir, 'no/nodes.conf'));
});

t.test('trouble while writing leaves the file and nothing else', async (t) => {
  const path = join(t.testdir({ 'nodes.conf': 'old' }), 'nodes.conf');
  const file = await read(path);
  // A directory at the backup's name cannot be unlinked: the last step before the rename fails.
  await mkdir(join(backupPath(path), 'in-the-way'), { recursive: true });
  await t.rejects(replaceNodesFile(file, 'new'), {
    exitCode: 74,
    message: /cannot be rewritten and was left as it is/,
  });
  t.equal(await readFile(path, 'latin1'), 'old');
  t.same((await readdir(t.testdirName)).sort(), ['nodes.conf', 'nodes.conf.redis-ip-updater.bak']);
});

t.test(
  'a backup that is a hard link of the file, after a crash between link and rename, is made anew',
  async (t) => {
    const path = join(t.testdir({ 'nodes.conf': 'old' }), 'nodes.conf');
    await link(path, backupPath(path));
    await replaceNodesFile(await read(path), 'new');
    t.equal(await readFile(path, 'latin1'), 'new');
    t.equal(await readFile(backupPath(path), 'latin1'), 'old');
  },
);

/** Syncs of directories fail with `code` from now on; no disk can be made to fail in that alone. */
async function failDirectorySyncs(t: Test, code: string): Promise<void> {
  const handle = await open(t.testdirName, 'r');
  const prototype = Object.getPrototypeOf(handle);
  const { sync } = prototype;
  await handle.close();
  t.teardown(() => Object.assign(prototype, { sync }));
  prototype.sync = async function (this: typeof handle) {
    if ((await this.stat()).isDirectory()) throw Object.assign(new Error(`${code}: fsync`), { code });
    return sync.call(this);
  };
}

t.test('a failed sync of the directory is said as what it is: the file was rewritten', async (t) => {
  const directory = t.testdir({ 'nodes.conf': 'old' });
  const path = join(directory, 'nodes.conf');
  await failDirectorySyncs(t, 'EIO');
  await t.rejects(replaceNodesFile(await read(path), 'new'), {
    exitCode: 74,
    message: `${directory} cannot be synced after nodes.conf in it was rewritten (EIO: fsync): check the volume.`,
  });
  t.equal(await readFile(path, 'latin1'), 'new');
});

t.test('a file system that cannot sync a directory is none that failed', async (t) => {
  const path = join(t.testdir({ 'nodes.conf': 'old' }), 'nodes.conf');
  await failDirectorySyncs(t, 'EINVAL');
  await replaceNodesFile(await read(path), 'new');
  t.equal(await readFile(path, 'latin1'), 'new');
});
