import t from 'tap';
import { isMountPoint, mountPoints } from '../../src/updater/mount-point.ts';

t.test('mount points of mountinfo, escapes undone', async (t) => {
  const mountinfo = [
    '22 1 8:1 / / rw,relatime - ext4 /dev/root rw',
    '36 22 8:1 /volumes/a /data/nodes.conf rw shared:1 - ext4 /dev/root rw',
    '37 22 8:1 /b /with\\040space\\134and rw - ext4 /dev/root rw',
    '',
  ].join('\n');
  t.same(mountPoints(mountinfo), ['/', '/data/nodes.conf', '/with space\\and']);
});

t.test('this system has a root, and no mount in its test directory', async (t) => {
  t.equal(await isMountPoint('/'), true);
  t.equal(await isMountPoint(t.testdir()), false);
});
