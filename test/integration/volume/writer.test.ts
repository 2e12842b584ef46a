/** Another process that writes nodes.conf, which none should while the updater runs, at each of its system calls. */
import { appendFileSync, chmodSync, chownSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { inLanes } from '../../support/lanes.ts';
import { small } from './cluster-file.ts';
import { type Call, injectionAt } from './strace.ts';
import { BACKUP, NODES_CONF, OWNER, startApi, Volume } from './volume.ts';

/** What the server adds to a file, and what it writes in the place of one. */
const MORE = 'log of a later version\n';
const later = (text: string) => text.replace('currentEpoch 3', 'currentEpoch 4');

type Writer = {
  write: (path: string) => void;
  /** What it makes of a file. */
  saved: (text: string) => string;
};
const writers: Record<string, Writer> = {
  'adds to it': { write: (path) => appendFileSync(path, MORE), saved: (text) => text + MORE },
  'writes it anew, in place': { write: (path) => writeFileSync(path, later(small.before)), saved: later },
  'renames a new one over it': {
    write(path) {
      writeFileSync(`${path}.tmp`, later(small.before));
      chownSync(`${path}.tmp`, OWNER.uid, OWNER.gid);
      chmodSync(`${path}.tmp`, OWNER.mode);
      renameSync(`${path}.tmp`, path);
    },
    saved: later,
  },
};

t.test('a writer at every system call', async (t) => {
  const api = await startApi(t);
  const directory = t.testdir();
  const volumes = [
    await Volume.create(api, join(directory, 'lane-0')),
    await Volume.create(api, join(directory, 'lane-1')),
  ];
  const fill = (volume: Volume, text = small.before) => {
    volume.reset();
    volume.write(NODES_CONF, text);
  };
  const [first] = volumes as [Volume];
  fill(first);
  const { calls } = await first.trace([NODES_CONF], []);
  const at = moments(calls, join(first.data, NODES_CONF));

  for (const [name, { write, saved }] of Object.entries(writers)) {
    await t.test(`it ${name}`, async (t) => {
      const counts: Record<string, number> = {};
      await inLanes(volumes, calls.keys(), async (volume, index) => {
        fill(volume);
        const path = join(volume.data, NODES_CONF);
        const { code } = await volume.traceStopped(
          [NODES_CONF],
          injectionAt(calls, index, 'signal=STOP'),
          () => write(path),
        );
        const mine = { before: saved(small.before), after: saved(small.after) };
        const state = volume.state(NODES_CONF, mine);
        const where = `after ${index + 1}, ${calls[index]?.name}`;
        let outcome: string;
        if (index < at.looked) {
          outcome = 'seen';
          t.same([code, state], [0, 'new'], `${where}: read as it is now, and rewritten`);
        } else if (index < at.checked) {
          outcome = 'refused';
          t.same([code, state], [74, 'old'], `${where}: refused, and left to its writer`);
        } else if (index < at.renamed) {
          outcome = 'too late to be seen';
          t.same([code, volume.state(NODES_CONF, small)], [0, 'new'], `${where}: replaced as a whole`);
          if (index < at.linked || !name.startsWith('renames'))
            t.equal(volume.read(NODES_CONF + BACKUP), mine.before, `${where}: and kept beside it`);
        } else {
          outcome = 'after us';
          t.equal(code, 0);
          t.match(state, /^(old|new)$/, `${where}: the writer's`);
        }
        counts[outcome] = (counts[outcome] ?? 0) + 1;
      });
      t.comment(
        Object.entries(counts)
          .map(([outcome, count]) => `${count} ${outcome}`)
          .join(', '),
      );
    });
  }
});

t.test('a file that is still growing: refused, or seen whole', async (t) => {
  const volume = await Volume.create(await startApi(t), join(t.testdir(), 'pod'));
  const head = small.before.slice(0, 250);
  const fill = () => {
    volume.reset();
    volume.write(NODES_CONF, head);
  };
  fill();
  const { code, calls } = await volume.trace([NODES_CONF], []);
  t.equal(code, 65, 'half a file is none');
  const { looked } = moments(calls, join(volume.data, NODES_CONF));
  for (const index of calls.keys()) {
    fill();
    const stop = injectionAt(calls, index, 'signal=STOP');
    const ended = await volume.traceStopped([NODES_CONF], stop, () =>
      appendFileSync(join(volume.data, NODES_CONF), small.before.slice(head.length)),
    );
    const where = `grown after ${index + 1}, ${calls[index]?.name}`;
    if (index < looked) t.equal(ended.code, 0, where);
    else t.match(String(ended.code), /^(65|74)$/, where);
    t.equal(volume.state(NODES_CONF, small), index < looked ? 'new' : 'old', where);
  }
  t.comment(`${calls.length} moments to grow`);
});

/** Places among the calls: the first look at the file, the last, the backup's link, and the replacement. */
function moments(calls: readonly Call[], path: string) {
  const looks = [...calls.keys()].filter((index) => {
    const { name, text } = calls[index] as Call;
    return /^(statx|newfstatat|stat)$/.test(name) && text.includes(`"${path}"`);
  });
  return {
    looked: looks.at(0) ?? Number.NaN,
    checked: looks.at(-1) ?? Number.NaN,
    linked: calls.findIndex(({ name }) => name.startsWith('link')),
    renamed: calls.findIndex(({ name }) => name.startsWith('rename')),
  };
}
