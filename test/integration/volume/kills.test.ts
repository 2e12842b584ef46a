/** The updater, killed with SIGKILL at each of its system calls on the volume. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { inLanes } from '../../support/lanes.ts';
import { prepare, refusals, type Scenario, scenarios, states, statesAfter } from './scenarios.ts';
import { type Call, injectionAt } from './strace.ts';
import { BACKUP, startApi, Volume } from './volume.ts';

/** What the project promises to have tried. */
const KILLS_AT_LEAST = 200;

let kills = 0;

t.test('killed anywhere: the old file or the new one, whole, and the next run succeeds', async (t) => {
  const api = await startApi(t);
  const directory = t.testdir();
  const volumes = [
    await Volume.create(api, join(directory, 'lane-0')),
    await Volume.create(api, join(directory, 'lane-1')),
  ];
  for (const [name, scenario] of Object.entries<Scenario>(scenarios)) {
    await t.test(name, async (t) => {
      const calls = await uninterrupted(t, volumes[0] as Volume, scenario);
      await inLanes(volumes, calls.keys(), (volume, index) => killAt(t, volume, scenario, calls, index));
      t.comment(`${calls.length} kills`);
    });
  }
  t.ok(kills >= KILLS_AT_LEAST, `${kills} kills are ${KILLS_AT_LEAST} at least`);
  t.comment(`${kills} kills in ${Object.keys(scenarios).length} scenarios`);
});

/** The calls of a run that nobody kills. */
async function uninterrupted(t: Test, volume: Volume, scenario: Scenario): Promise<Call[]> {
  prepare(volume, scenario);
  const { code, logs, calls } = await volume.trace(Object.keys(scenario.files), refusals(scenario));
  const isAsUsual = t.equal(code, scenario.code ?? 0, 'a run that nobody kills');
  if (!isAsUsual) throw new Error(`it said: ${JSON.stringify(logs)}`);
  t.same(states(volume, scenario), statesAfter(calls, scenario));
  return calls;
}

/** Kills a run before the call of that index is executed, then runs it again. */
async function killAt(
  t: Test,
  volume: Volume,
  scenario: Scenario,
  whole: Call[],
  index: number,
): Promise<void> {
  const names = Object.keys(scenario.files);
  const { name } = whole[index] as Call;
  const where = `${index + 1}, ${name}`;
  prepare(volume, scenario);
  const killed = await volume.trace(names, [
    ...refusals(scenario, name),
    injectionAt(whole, index, 'signal=KILL'),
  ]);
  t.equal(killed.signal, 'SIGKILL', `killed at call ${where}`);
  // strace may or may not come to record the call that was the end.
  t.same(
    killed.calls.slice(0, index).map(nameOf),
    whole.slice(0, index).map(nameOf),
    `${where}: after those before it`,
  );
  t.ok(killed.calls.length <= index + 1, `${where}: and none after it`);
  t.same(states(volume, scenario), statesAfter(whole.slice(0, index), scenario), `${where}: whole`);

  const again = await volume.run();
  t.equal(again.code, 0, `${where}: the next run succeeds`);
  t.same(
    states(volume, scenario),
    names.map(() => 'new'),
    `${where}: and writes the new file`,
  );
  t.same(volume.files(), [...names, ...names.map((name) => name + BACKUP)].sort(), `${where}: and cleans up`);
  for (const [name, { before }] of Object.entries(scenario.files))
    t.equal(volume.read(name + BACKUP), before, `${where}: beside it is what it was before`);
  kills += 1;
}

function nameOf({ name }: Call): string {
  return name;
}
