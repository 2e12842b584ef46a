import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeTerminationMessage } from '../../src/updater/termination-message.ts';

t.test('the sentence goes into the file that the kubelet made', async (t) => {
  const path = join(t.testdir({ 'termination-log': '' }), 'termination-log');
  await writeTerminationMessage(path, 'The volume was lost.');
  t.equal(readFileSync(path, 'utf8'), 'The volume was lost.');
});

t.test('of a sentence that is too long for the kubelet the start is kept, in whole characters', async (t) => {
  const path = join(t.testdir({ 'termination-log': '' }), 'termination-log');
  await writeTerminationMessage(path, `x${'ä'.repeat(4096)}`);
  t.equal(readFileSync(path, 'utf8'), `x${'ä'.repeat(2047)}`);
});

t.test('where there is none, none is made', async (t) => {
  const path = join(t.testdir(), 'termination-log');
  await writeTerminationMessage(path, 'The volume was lost.');
  t.equal(existsSync(path), false);
});

t.test('a full disk of the kubelet does not change how we end', async (t) => {
  await t.resolves(writeTerminationMessage('/dev/full', 'The volume was lost.'));
});
