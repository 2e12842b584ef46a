/** The updater, each of whose system calls on the volume fails once. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { inLanes } from '../../support/lanes.ts';
import { type PrivateMounts, privateMounts } from './private-mounts.ts';
import { prepare, refusals, type Scenario, scenarios, states, statesAfter } from './scenarios.ts';
import { isOneSentence } from './sentence.ts';
import { type Call, injectionAt } from './strace.ts';
import { BACKUP, HOST_LIST, NODES_CONF, startApi, Volume } from './volume.ts';

const trials: [keyof typeof scenarios, errors: string[]][] = [
  ['a backup of an earlier change', ['EIO', 'ENOSPC', 'EROFS', 'EACCES']],
  ['no hard links: the backup is a copy', ['EIO']],
  ["an entrypoint's list of hosts", ['EIO']],
];

type Lane = { mounts: PrivateMounts; volume: Volume };
const counts = { faults: 0, refused: 0 };

t.test('a call fails: the old file or the new one, whole, and one sentence', async (t) => {
  const api = await startApi(t);
  const lanes: Lane[] = [];
  for (const _ of [0, 1]) {
    const mounts = await privateMounts(t);
    lanes.push({ mounts, volume: await Volume.create(api, join(mounts.directory, 'pod'), mounts) });
  }
  for (const [name, errors] of trials) {
    await t.test(name, async (t) => {
      const [{ volume }] = lanes as [Lane];
      const scenario: Scenario = scenarios[name];
      prepare(volume, scenario);
      const { code, calls } = await volume.trace(Object.keys(scenario.files), refusals(scenario));
      t.equal(code, 0, 'nothing fails');
      const cases = errors.flatMap((error) => calls.map((_, index) => ({ index, error })));
      await inLanes(lanes, cases, (lane, { index, error }) => failAt(t, lane, scenario, calls, index, error));
      t.comment(`${cases.length} faults`);
    });
  }
  t.comment(
    `${counts.faults} faults, ${counts.refused} of them end the run with 74; it does without the others`,
  );
});

async function failAt(
  t: Test,
  { mounts, volume }: Lane,
  scenario: Scenario,
  whole: Call[],
  index: number,
  error: string,
): Promise<void> {
  const names = Object.keys(scenario.files);
  const call = whole[index] as Call;
  const where = `${index + 1}, ${call.name}: ${error}`;
  prepare(volume, scenario);
  const { code, logs, calls } = await volume.trace(names, [
    ...refusals(scenario, call.name),
    injectionAt(whole, index, `error=${error}`),
  ]);
  t.match(calls[index], { name: call.name, result: new RegExp(`^-1 ${error} .*INJECTED`) }, where);
  const now = states(volume, scenario);
  t.same(now, statesAfter(calls, scenario), `${where}: whole`);
  const message = mounts.takeTerminationMessage();
  if (code === 0) {
    t.equal(
      volume.state(NODES_CONF, scenario.files[NODES_CONF] as never),
      'new',
      `${where}: done all the same`,
    );
    t.equal(
      volume.read(NODES_CONF + BACKUP),
      scenario.files[NODES_CONF]?.before,
      `${where}: also the backup`,
    );
    t.equal(message, '');
    if (now.includes('old'))
      t.match(logs.filter(isWarning), [{ path: mounts.inside(join(volume.data, HOST_LIST)) }]);
  } else {
    t.equal(code, 74, where);
    isOneSentence(t, { logs, message }, mounts.inside(volume.data));
    counts.refused += 1;
  }
  if (isEssential(call) && error === 'EIO') t.equal(code, 74, `${where}: not passed over`);
  const again = await volume.run();
  t.same([again.code, states(volume, scenario)], [0, names.map(() => 'new')], `${where}: then all is well`);
  t.same(volume.files(), [...names, ...names.map((name) => name + BACKUP)].sort(), `${where}: and clean`);
  counts.faults += 1;
}

/** Reading nodes.conf, and writing the file that takes its place. */
function isEssential({ name, text }: Call): boolean {
  return (
    /^(openat|read|write|f?sync|rename|fchmod|fchown|close|unlink)/.test(name) &&
    /nodes\.conf(\.redis-ip-updater\.tmp)?["<>]/.test(text) &&
    !text.includes(BACKUP)
  );
}

function isWarning({ level }: { level: string }): boolean {
  return level === 'warn';
}
