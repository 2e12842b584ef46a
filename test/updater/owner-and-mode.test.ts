import t from 'tap';
import { adoptOwnerAndMode } from '../../src/updater/owner-and-mode.ts';

const refused = () => Object.assign(new Error('EPERM'), { code: 'EPERM' });

/** A file of ours, on a volume where a user without rights may only give it to groups of its own. */
function fileOf(uid: number, gid: number, { mayGiveAway }: { mayGiveAway: boolean }) {
  const file = { uid, gid, mode: 0o600 };
  const handle = {
    stat: async () => ({ ...file }) as never,
    chmod: async (mode: number) => {
      file.mode = mode;
    },
    chown: async (owner: number, group: number) => {
      if (owner !== -1 && !mayGiveAway) throw refused();
      if (owner !== -1) file.uid = owner;
      file.gid = group;
    },
  };
  return { file, handle };
}

t.test('owner, group and mode of the old file', async (t) => {
  const { file, handle } = fileOf(0, 0, { mayGiveAway: true });
  await adoptOwnerAndMode(handle, { uid: 999, gid: 1000, mode: 0o100644 });
  t.same(file, { uid: 999, gid: 1000, mode: 0o644 });
});

t.test('the same owner: only the mode, which needs no right', async (t) => {
  const { file, handle } = fileOf(1001, 1001, { mayGiveAway: false });
  await adoptOwnerAndMode(handle, { uid: 1001, gid: 1001, mode: 0o100640 });
  t.same(file, { uid: 1001, gid: 1001, mode: 0o640 });
});

t.test('an owner that we may not give it to: the group gets what the owner had', async (t) => {
  const { file, handle } = fileOf(65532, 65532, { mayGiveAway: false });
  await adoptOwnerAndMode(handle, { uid: 999, gid: 1000, mode: 0o100644 });
  t.same(file, { uid: 65532, gid: 1000, mode: 0o664 });
});

t.test('neither owner nor group: a failure, before the file takes the place of the old one', async (t) => {
  const { handle } = fileOf(65532, 65532, { mayGiveAway: false });
  const stranger = { ...handle, chown: () => Promise.reject(refused()) };
  const wanted = { uid: 999, gid: 1000, mode: 0o100644 };
  await t.rejects(adoptOwnerAndMode(stranger, wanted), { code: 'EPERM', message: 'EPERM' });
});
