import t from 'tap';
import {
  type Answer,
  advance,
  ask,
  begin,
  type Facts,
  refusalWithoutApi,
  type State,
} from '../../src/addresses/announce-then-look.ts';
import type { NodeMap } from '../../src/addresses/node-map.ts';
import { id, map, pod } from './builders.ts';

const facts: Facts = {
  self: { podName: 'redis-0', ips: ['10.0.9.0'] },
  node: {
    id: id('a'),
    lines: [
      { id: id('a'), ip: '10.0.0.1' },
      { id: id('b'), ip: '10.0.0.2' },
    ],
  },
  outsideNodes: 'park',
  onLostVolume: 'refuse',
};
const newNode: Facts = { ...facts, node: null };
const full = map({ 'redis-0': 'a', 'redis-1': 'b' });
const pods: Answer = { kind: 'pods', pods: [pod('redis-0', '10.0.9.0'), pod('redis-1', '10.0.9.1')] };
const other = { id: id('a'), pod: 'redis-7', line: null };
const given = (answer: NodeMap): Answer => ({ kind: 'map', map: answer });

/** Runs the machine with the answers given; what it asked for, and where it ended. */
function play(facts: Facts, mounted: NodeMap, ...answers: Answer[]): { asked: string[]; state: State } {
  const asked: string[] = [];
  let state = begin(facts, mounted);
  for (const answer of answers) {
    asked.push(ask(state, facts)?.kind ?? 'nothing');
    state = advance(state, answer, facts);
  }
  return { asked, state };
}

t.test('a normal restart is one list', async (t) => {
  const { asked, state } = play(facts, full, pods);
  t.same(asked, ['list-pods']);
  t.match(state, { step: 'done', outcome: { kind: 'resolved' } });
  t.equal(ask(state, facts), null);
});

t.test('our IP not published yet: our own pod is read, then the list', async (t) => {
  const early: Answer = { kind: 'pods', pods: [pod('redis-0', ''), pod('redis-1', '10.0.9.1')] };
  const stale: Answer = { kind: 'pods', pods: [pod('redis-0', '10.0.0.1')] };
  const { asked, state } = play(
    facts,
    full,
    early,
    { kind: 'own-ip-visible' },
    stale,
    { kind: 'own-ip-visible' },
    pods,
  );
  t.same(asked, ['list-pods', 'await-own-ip', 'list-pods', 'await-own-ip', 'list-pods']);
  t.match(state, { step: 'done', outcome: { kind: 'resolved' } });
});

t.test('our id not recorded: record it, list again', async (t) => {
  const before = map({ 'redis-1': 'b' });
  const { asked, state } = play(facts, before, pods, given(before), given(full), pods);
  t.same(asked, ['list-pods', 'read-map', 'record-id', 'list-pods']);
  t.match(state, { step: 'done', outcome: { kind: 'resolved' } });
});

t.test('our id recorded, and the mount only late: nothing is written', async (t) => {
  const { asked, state } = play(facts, map({ 'redis-1': 'b' }), pods, given(full), pods);
  t.same(asked, ['list-pods', 'read-map', 'list-pods']);
  t.match(state, { step: 'done', outcome: { kind: 'resolved' } });
});

t.test('an entry of nodes.txt is no record of our own', async (t) => {
  const byHand = map({}, `${id('a')} redis-0\n${id('b')} redis-1`);
  t.same(play(facts, byHand, pods, given(byHand), given(full), pods).asked, [
    'list-pods',
    'read-map',
    'record-id',
    'list-pods',
  ]);
});

t.test('a peer not in the mounted map: read the map, list again', async (t) => {
  const { asked, state } = play(facts, map({ 'redis-0': 'a' }), pods, given(full), pods);
  t.same(asked, ['list-pods', 'read-map', 'list-pods']);
  t.equal(
    state.step === 'done' &&
      state.outcome.kind === 'resolved' &&
      state.outcome.resolutions.get(id('b'))?.kind,
    'fresh',
  );
});

t.test('a peer that nobody could record: what the first list showed decides', async (t) => {
  const peerIs = (updaterEnded: boolean): Answer => ({
    kind: 'pods',
    pods: [pod('redis-0', '10.0.9.0'), pod('redis-1', '10.0.0.2', { updaterEnded })],
  });
  const onlySelf = map({ 'redis-0': 'a' });
  const saved = { ...facts, node: { ...facts.node, savedAt: 5000 } } as Facts;
  const become = (first: Answer) => {
    const { asked, state } = play(saved, map({}), first, given(map({})), given(onlySelf), peerIs(true));
    t.same(asked, ['list-pods', 'read-map', 'record-id', 'list-pods']);
    return (
      state.step === 'done' && state.outcome.kind === 'resolved' && state.outcome.resolutions.get(id('b'))
    );
  };
  t.match(become(peerIs(true)), { kind: 'unknown', reason: 'held-by-pod-never-recorded' });
  t.match(become(peerIs(false)), { kind: 'parked' }, 'it may have recorded itself after we read the map');
});

t.test('our id under another pod: confirmed by a GET, then refused', async (t) => {
  const cloned = map({ 'redis-7': 'a' });
  const refusal = { kind: 'identity-conflict', id: id('a'), other };
  const { asked, state } = play(facts, cloned, given(cloned));
  t.same(asked, ['read-map']);
  t.same(state, { step: 'done', outcome: { kind: 'refused', refusal } });
  t.match(play(facts, cloned, given(full)).state, { step: 'announcing' }, 'the mount was only late');
});

t.test('the same id recorded twice at once: our entry is withdrawn, to what it was', async (t) => {
  const both = map({ 'redis-0': 'a', 'redis-7': 'a' });
  const { asked, state } = play(facts, map({}), pods, given(map({})), given(both));
  t.same(asked, ['list-pods', 'read-map', 'record-id']);
  t.same(ask(state, facts), { kind: 'restore-id', id: undefined });
  t.match(advance(state, { kind: 'restored' }, facts), { step: 'done', outcome: { kind: 'refused' } });

  const before = play(facts, map({}), pods, given(map({ 'redis-0': 'c' })), given(both));
  t.same(ask(before.state, facts), { kind: 'restore-id', id: id('c') }, 'what the API said, not the mount');
});

t.test('another has our id, and the mount is late: refused before anything is written', async (t) => {
  const { asked, state } = play(facts, map({}), pods, given(map({ 'redis-7': 'a' })));
  t.same(asked, ['list-pods', 'read-map']);
  t.match(state, { step: 'done', outcome: { kind: 'refused' } });
});

t.test('recorded before, and now twice: refused, nothing withdrawn', async (t) => {
  const both = map({ 'redis-0': 'a', 'redis-7': 'a' });
  t.match(play(facts, map({ 'redis-0': 'a' }), pods, given(both)).state, {
    step: 'done',
    outcome: { kind: 'refused' },
  });
});

t.test('no file: a new node if nothing is recorded, whatever the mount says', async (t) => {
  t.same(play(newNode, map({}), given(map({}))).state, { step: 'done', outcome: { kind: 'new-node' } });
  t.same(play(newNode, full, given(map({ 'redis-1': 'b' }))).state, {
    step: 'done',
    outcome: { kind: 'new-node' },
  });
});

t.test('no file, but an entry about this pod, by key or by hand: refused', async (t) => {
  const refused = (entry: object) => ({
    step: 'done',
    outcome: { kind: 'refused', refusal: { kind: 'lost-volume', entry } },
  });
  const byKey = { id: id('a'), pod: 'redis-0', line: null };
  t.same(play(newNode, map({}), given(full)).state, refused(byKey), 'also with a mount that is late');
  const byHand = map({}, `${id('a')} redis-0`);
  t.same(play(newNode, map({}), given(byHand)).state, refused({ ...byKey, line: 1 }));
  const doubtful = map({}, `${id('a')} redis-0\n${id('b')} redis-0`);
  t.match(play(newNode, map({}), given(doubtful)).state, refused({ pod: 'redis-0' }), 'even a doubtful one');
});

t.test('no file, and the loss is accepted: the entry goes first, then a new node starts', async (t) => {
  const accepted: Facts = { ...newNode, onLostVolume: 'start' };
  const { state } = play(accepted, full, given(full));
  t.same(ask(state, accepted), { kind: 'restore-id', id: undefined });
  t.same(advance(state, { kind: 'restored' }, accepted), {
    step: 'done',
    outcome: { kind: 'new-node-for-lost-volume', lostId: id('a') },
  });
  const byHand = map({}, `${id('a')} redis-0`);
  const refused = { step: 'done', outcome: { kind: 'refused' } };
  t.match(play(accepted, full, given(byHand)).state, refused, 'a line by hand is not ours to remove');
});

t.test('with a silent API, what the mount says is enough to refuse', async (t) => {
  const refusal = { kind: 'identity-conflict', id: id('a'), other } as const;
  const cloned = map({ 'redis-7': 'a' });
  t.equal(refusalWithoutApi(begin(facts, full), facts, full), null);
  t.same(refusalWithoutApi(begin(facts, cloned), facts, cloned), refusal);
  t.equal(refusalWithoutApi({ step: 'announcing', map: full }, facts, cloned), null, 'a GET disproved it');
  t.equal(refusalWithoutApi({ step: 'withdrawing', previousId: undefined, refusal }, facts, full), refusal);
});

t.test('an answer to another question is a bug, not a step', async (t) => {
  t.throws(() => advance(begin(facts, full), given(full), facts), /announcing does not take the answer map/);
});
