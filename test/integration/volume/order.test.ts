/** What a power cut would leave: the order of writes, syncs and renames, as the kernel was asked for them. */
import { join } from 'node:path';
import t from 'tap';
import { unsafeSteps } from './durability.ts';
import { prepare, refusals, type Scenario, scenarios } from './scenarios.ts';
import type { Call } from './strace.ts';
import { startApi, Volume } from './volume.ts';

t.test('synced before the rename, and the directory after it', async (t) => {
  const volume = await Volume.create(await startApi(t), join(t.testdir(), 'pod'));
  let needed = 0;
  for (const [name, scenario] of Object.entries<Scenario>(scenarios)) {
    if (scenario.code) continue;
    prepare(volume, scenario);
    const files = Object.keys(scenario.files);
    const { code, calls } = await volume.trace(files, refusals(scenario));
    t.equal(code, 0, name);
    const unsafe = (made: readonly Call[]) =>
      files.flatMap((file) => unsafeSteps(made, join(volume.data, file)));
    t.same(unsafe(calls), [], `${name}: a power cut harms nothing`);
    for (const sync of calls.filter((call) => /^f(data)?sync$/.test(call.name))) {
      t.ok(unsafe(calls.filter((call) => call !== sync)).length > 0, `${name}: ${sync.text} is needed`);
      needed += 1;
    }
  }
  t.comment(`${needed} syncs, none of them superfluous`);
});

t.test('what would harm is seen', async (t) => {
  const call = (text: string) => ({ thread: 1, name: text.replace(/\(.*/, ''), text, result: '0' });
  const open = call('openat(AT_FDCWD, "/d/f.redis-ip-updater.tmp", O_WRONLY|O_CREAT|O_EXCL)');
  const write = call('write(3</d/f.redis-ip-updater.tmp>, ""..., 9)');
  const sync = call('fsync(3</d/f.redis-ip-updater.tmp>)');
  const link = call('link("/d/f", "/d/f.redis-ip-updater.bak")');
  const rename = call('rename("/d/f.redis-ip-updater.tmp", "/d/f")');
  const syncDirectory = call('fsync(3</d>)');
  const right = [open, write, sync, link, rename, syncDirectory];
  t.same(unsafeSteps(right, '/d/f'), []);
  for (const missing of right)
    t.not(
      unsafeSteps(
        right.filter((call) => call !== missing),
        '/d/f',
      ).length,
      0,
      `without ${missing.name}`,
    );
  const failed = right.map((call) => (call === sync ? { ...call, result: '-1 EIO' } : call));
  t.not(unsafeSteps(failed, '/d/f').length, 0, 'a sync that failed is none');
  t.same(unsafeSteps([open, write, link, rename, sync, syncDirectory], '/d/f'), [
    'the temporary file is renamed before its sync',
  ]);
  t.same(unsafeSteps([open, sync, write, link, rename, syncDirectory], '/d/f'), [
    'the temporary file is changed after its sync, or not synced',
  ]);
  t.same(unsafeSteps([open, write, sync, link, syncDirectory, rename], '/d/f'), [
    'the directory is not synced after the rename and before the next',
  ]);
});

t.test('a file of 2,000 nodes takes more than one write', async (t) => {
  const volume = await Volume.create(await startApi(t), join(t.testdir(), 'pod'));
  const scenario = scenarios['2,000 nodes, more than one write'];
  prepare(volume, scenario);
  const { calls } = await volume.trace(Object.keys(scenario.files), []);
  t.ok(calls.filter(({ name }) => name === 'write').length > 1);
});
