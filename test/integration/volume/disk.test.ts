/** Real disks and real permissions: full, read-only, somebody else's, and things in the way of nodes.conf. */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import type { KubernetesApi } from '../../support/kubernetes-api/server.ts';
import { small } from './cluster-file.ts';
import { type PrivateMounts, privateMounts } from './private-mounts.ts';
import { isOneSentence } from './sentence.ts';
import { BACKUP, NODES_CONF, OWNER, startApi, TEMPORARY, Volume } from './volume.ts';

type Disk = { mounts: PrivateMounts; volume: Volume };

type Trouble = {
  /** Options of tmpfs(5). */
  disk?: string;
  /** Makes the trouble on a volume that holds nodes.conf. */
  make: (disk: Disk) => unknown;
  /** Stands before the updater's command. */
  prefix?: string[];
  code: number;
  says: RegExp;
  /** Ends the trouble; the next run must succeed then. Default: nothing that a test could mend. */
  mend?: (disk: Disk) => unknown;
};

/** Some pages, also where a page has 64 KB. */
const SMALL_DISK = 'size=256k';
const PAGE_BYTES = 4096;
const as = (uid: number, ...groups: number[]) => [
  ...['setpriv', `--reuid=${uid}`, `--regid=${groups[0] ?? uid}`, '--clear-groups', '--inh-caps=-all'],
];
const conf = ({ volume }: Disk) => join(volume.data, NODES_CONF);
const temporary = (disk: Disk) => conf(disk) + TEMPORARY;

const troubles: Record<string, Trouble> = {
  'a full disk': {
    disk: SMALL_DISK,
    make: fillUp,
    code: 74,
    says: /nodes\.conf cannot be rewritten and was left as it is \(ENOSPC: .*\): check space/,
    mend: ({ volume }) => truncateSync(join(volume.data, 'filler')),
  },
  'no space for another name': {
    disk: 'nr_inodes=4',
    make: ({ volume }) => {
      for (const name of ['a', 'b']) volume.write(name, '');
    },
    code: 74,
    says: /ENOSPC: .*: check space/,
    // A hard link takes one, too.
    mend: ({ volume }) => {
      for (const name of ['a', 'b']) rmSync(join(volume.data, name));
    },
  },
  'a quota in the middle of the file': {
    make: () => {},
    prefix: ['prlimit', '--fsize=450'],
    code: 74,
    says: /cannot be rewritten and was left as it is \(EFBIG: /,
  },
  'a read-only disk': {
    make: (disk) => remount(disk, 'ro'),
    code: 74,
    says: /left as it is \(EROFS: .*\): check space, permissions and read-only state of/,
    mend: (disk) => remount(disk, 'rw'),
  },
  'a read-only disk with the temporary file of an interrupted run': {
    make: (disk) => {
      disk.volume.write(NODES_CONF + TEMPORARY, 'half');
      return remount(disk, 'ro');
    },
    code: 74,
    // Not even the leftover can go.
    says: /EEXIST: .*: check space, permissions and read-only state of/,
    mend: (disk) => remount(disk, 'rw'),
  },
  'a file that our user may not read': {
    make: (disk) => chmodSync(conf(disk), 0o600),
    prefix: as(1234),
    code: 74,
    says: /nodes\.conf cannot be read \(EACCES: .*\): check the volume and its permissions\./,
  },
  'a directory that our user may not search': {
    make: ({ volume }) => chmodSync(volume.data, 0o700),
    prefix: as(1234),
    code: 74,
    says: /cannot be read \(EACCES: /,
  },
  'a directory that our user may not write': {
    make: ({ volume }) => chmodSync(volume.data, 0o755),
    prefix: as(OWNER.uid, OWNER.gid),
    code: 74,
    says: /left as it is \(EACCES: .*\): check space, permissions/,
    mend: ({ volume }) => chmodSync(volume.data, 0o777),
  },
  'a file of a user and a group that we can give nothing to': {
    make: (disk) => chmodSync(conf(disk), 0o644),
    prefix: as(1234),
    code: 74,
    says: /left as it is \(EPERM: .*chown/,
  },
  "somebody else's file in a directory where only owners may replace": {
    make: ({ volume }) => chmodSync(volume.data, 0o1777),
    prefix: as(1234, OWNER.gid),
    code: 74,
    says: /left as it is \(EPERM: .*rename/,
  },
  "somebody else's temporary file in such a directory": {
    make: (disk) => {
      chmodSync(disk.volume.data, 0o1777);
      disk.volume.write(NODES_CONF + TEMPORARY, 'half');
    },
    prefix: as(1234, OWNER.gid),
    code: 74,
    says: /EPERM: .*unlink .*\.tmp'\): check space, permissions/,
  },
  'a directory in the place of the temporary file': {
    make: (disk) => mkdirSync(temporary(disk)),
    code: 74,
    says: /EISDIR: .*unlink .*\.tmp'\): remove that directory\.$/,
    mend: (disk) => rmdirSync(temporary(disk)),
  },
  'a directory in the place of the backup': {
    make: (disk) => mkdirSync(conf(disk) + BACKUP),
    code: 74,
    says: /EISDIR: .*unlink .*\.bak'\): remove that directory\.$/,
    mend: (disk) => rmdirSync(conf(disk) + BACKUP),
  },
  'a file that is itself a mount': {
    make: async (disk) => {
      const path = disk.mounts.inside(conf(disk));
      await disk.mounts.run('mount', '--bind', path, path);
    },
    code: 65,
    says: /is itself a mount, so it cannot be replaced in one step: mount the directory/,
    mend: (disk) => disk.mounts.run('umount', disk.mounts.inside(conf(disk))),
  },
};

t.test('trouble: the old file whole, with its owner and mode, and one sentence', async (t) => {
  const { api, mounts } = await setUp(t);
  for (const [name, { disk: options, make, prefix = [], code: wanted, says, mend }] of Object.entries(
    troubles,
  )) {
    await t.test(name, async (t) => {
      const disk = await freshDisk(t, api, mounts, options);
      disk.volume.write(NODES_CONF, small.before);
      await make(disk);
      const { mode } = statSync(conf(disk));
      const names = readdirSync(disk.volume.data).sort();
      const { code, logs } = await disk.volume.run(...prefix);
      t.equal(code, wanted);
      const message = mounts.takeTerminationMessage();
      isOneSentence(t, { logs, message }, mounts.inside(disk.volume.data));
      t.match(message, says);
      t.equal(disk.volume.read(NODES_CONF), small.before);
      const { uid, gid, mode: modeNow } = statSync(conf(disk));
      t.same([uid, gid, modeNow], [OWNER.uid, OWNER.gid, mode]);
      t.same(
        readdirSync(disk.volume.data)
          .filter((name) => !name.endsWith(BACKUP))
          .sort(),
        names.filter((name) => !name.endsWith(BACKUP)),
        'nothing is left beside it',
      );
      if (!mend) return;
      await mend(disk);
      t.equal((await disk.volume.run(...prefix)).code, 0, 'once it is mended, the next run succeeds');
      t.equal(disk.volume.state(NODES_CONF, small), 'new');
    });
  }
  t.comment(`${Object.keys(troubles).length} troubles`);
});

t.test('what is no nodes.conf', async (t) => {
  const { api, mounts } = await setUp(t);
  const cases: Record<string, { make: (disk: Disk) => unknown; code: number; says: RegExp }> = {
    'a directory': {
      make: (disk) => mkdirSync(conf(disk)),
      code: 74,
      says: /cannot be read, because it is a directory or a special file: check the path/,
    },
    'a named pipe': {
      make: (disk) => mounts.run('mkfifo', mounts.inside(conf(disk))),
      code: 74,
      says: /because it is a directory or a special file/,
    },
    'a link to itself': {
      make: (disk) => symlinkSync(NODES_CONF, conf(disk)),
      code: 74,
      says: /cannot be read \(ELOOP: /,
    },
    'a link to nothing': {
      make: (disk) => symlinkSync('nothing', conf(disk)),
      code: 65,
      says: /is missing or empty, but node id .* its volume was lost/,
    },
    'no file': { make: () => {}, code: 65, says: /is missing or empty, but node id/ },
    'no directory': {
      make: async ({ mounts, volume }) => {
        await mounts.run('umount', mounts.inside(volume.data));
        await mounts.run('rmdir', mounts.inside(volume.data));
      },
      code: 65,
      says: /is missing or empty, but node id/,
    },
    'a file where the directory should be': {
      make: async ({ mounts, volume }) => {
        await mounts.run('umount', mounts.inside(volume.data));
        await mounts.run('rmdir', mounts.inside(volume.data));
        writeFileSync(volume.data, 'a file');
      },
      code: 65,
      says: /is missing or empty, but node id/,
    },
  };
  for (const [name, { make, code: wanted, says }] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const disk = await freshDisk(t, api, mounts);
      await make(disk);
      const { code, logs } = await disk.volume.run();
      t.equal(code, wanted);
      const message = mounts.takeTerminationMessage();
      t.match(message, says);
      t.same(
        logs.filter(({ level }) => level === 'error').map(({ msg }) => msg),
        [message],
      );
      t.match(message, mounts.inside(conf(disk)));
    });
  }
  t.comment(`${Object.keys(cases).length} cases`);
});

t.test('a disk that is full or read-only harms nothing while there is nothing to write', async (t) => {
  const { api, mounts } = await setUp(t);
  for (const make of [fillUp, (disk: Disk) => remount(disk, 'ro')]) {
    const disk = await freshDisk(t, api, mounts, SMALL_DISK);
    disk.volume.write(NODES_CONF, small.after);
    await make(disk);
    t.equal((await disk.volume.run()).code, 0);
    t.equal(disk.volume.state(NODES_CONF, small), 'new');
  }
});

t.test('a full disk of the kubelet takes the sentence, but not the exit code', async (t) => {
  const { api, mounts } = await setUp(t);
  const disk = await freshDisk(t, api, mounts);
  mkdirSync(conf(disk));
  await mounts.run('mount', '--bind', '/dev/full', '/dev/termination-log');
  const { code, logs } = await disk.volume.run();
  await mounts.run('umount', '/dev/termination-log');
  t.equal(code, 74);
  t.match(logs, [{ level: 'error', msg: /cannot be read, because/ }]);
  t.equal(logs.length, 1);
});

t.test('links stay links, and their targets are replaced where they are', async (t) => {
  const { api, mounts } = await setUp(t);
  const disk = await freshDisk(t, api, mounts);
  const other = join(dirname(disk.volume.data), 'other-disk');
  mkdirSync(other);
  await mounts.run('mount', '-t', 'tmpfs', 'tmpfs', mounts.inside(other));
  disk.volume.write(NODES_CONF, small.before);
  renameSync(conf(disk), join(disk.volume.data, 'moved'));
  await mounts.run(
    'cp',
    '-p',
    mounts.inside(join(disk.volume.data, 'moved')),
    mounts.inside(join(other, 'target.conf')),
  );
  symlinkSync(mounts.inside(join(other, 'target.conf')), conf(disk));
  t.equal((await disk.volume.run()).code, 0, 'on another file system');
  t.same(readdirSync(other).sort(), ['target.conf', `target.conf${BACKUP}`]);
  t.equal(await mounts.run('cat', mounts.inside(conf(disk))), small.after);
  const { uid, gid, mode } = statSync(join(other, 'target.conf'));
  t.same([uid, gid, mode & 0o7777], [OWNER.uid, OWNER.gid, OWNER.mode]);
  await mounts.run('umount', mounts.inside(other));
});

t.test('the temporary file and the backup are never followed when they are links', async (t) => {
  const { api, mounts } = await setUp(t);
  const disk = await freshDisk(t, api, mounts);
  disk.volume.write(NODES_CONF, small.before);
  disk.volume.write('precious', 'mine');
  for (const name of [TEMPORARY, BACKUP]) symlinkSync('precious', conf(disk) + name);
  t.equal((await disk.volume.run()).code, 0);
  t.equal(disk.volume.state(NODES_CONF, small), 'new');
  t.equal(disk.volume.read('precious'), 'mine');
  t.same(disk.volume.files(), [NODES_CONF, NODES_CONF + BACKUP, 'precious']);
});

t.test("another user's file whose group we are in: the group gets what the owner had", async (t) => {
  const { api, mounts } = await setUp(t);
  const disk = await freshDisk(t, api, mounts);
  disk.volume.write(NODES_CONF, small.before);
  t.equal((await disk.volume.run(...as(1234, OWNER.gid))).code, 0);
  const { uid, gid, mode } = statSync(conf(disk));
  t.same([uid, gid, mode & 0o7777], [1234, OWNER.gid, 0o660]);
  t.equal(disk.volume.read(NODES_CONF), small.after);
  t.equal(disk.volume.read(NODES_CONF + BACKUP), small.before);
  const server = as(OWNER.uid, OWNER.gid);
  await mounts.run(...server, 'sh', '-c', 'exec 3<> "$1"', 'sh', mounts.inside(conf(disk)));
  t.pass('the server may open it for writing');
});

t.test("the server's own user, and a mode that even it may not write", async (t) => {
  const { api, mounts } = await setUp(t);
  const disk = await freshDisk(t, api, mounts);
  disk.volume.write(NODES_CONF, small.before);
  chmodSync(conf(disk), 0o400);
  t.equal((await disk.volume.run(...as(OWNER.uid, OWNER.gid))).code, 0);
  const { uid, gid, mode } = statSync(conf(disk));
  t.same([uid, gid, mode & 0o7777], [OWNER.uid, OWNER.gid, 0o400]);
  t.equal(disk.volume.read(NODES_CONF), small.after);
});

async function setUp(t: Test) {
  return { api: await startApi(t), mounts: await privateMounts(t) };
}

let disks = 0;

/** A new pod with an empty disk in memory, which every user may write to. */
async function freshDisk(t: Test, api: KubernetesApi, mounts: PrivateMounts, options = ''): Promise<Disk> {
  disks += 1;
  const volume = await Volume.create(api, join(mounts.directory, `pod-${disks}`), mounts);
  const path = mounts.inside(volume.data);
  await mounts.run('mount', '-t', 'tmpfs', '-o', ['mode=777', options].filter(Boolean).join(), 'tmpfs', path);
  t.ok(readdirSync(volume.data).length === 0, 'an empty disk');
  return { mounts, volume };
}

async function remount({ mounts, volume }: Disk, mode: 'ro' | 'rw'): Promise<void> {
  await mounts.run('mount', '-o', `remount,${mode}`, mounts.inside(volume.data));
}

/** Writes until the disk takes no more. */
function fillUp({ volume }: Disk): void {
  const page = Buffer.alloc(PAGE_BYTES);
  for (;;) {
    try {
      writeFileSync(join(volume.data, 'filler'), page, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}
