/** The model itself: what it remembers instead of working it out again is what it would work out. */
import t from 'tap';
import { assertHolds } from './assert-holds.ts';
import { findCycle } from './find-cycle.ts';
import { combinations } from './settings.ts';

t.test('an answer that counts as heard before is that answer', async (t) => {
  const settings = combinations(
    [['never recorded', 'never recorded']],
    [[['rebooted', 'deleted'], ['crashed']]],
    [
      [[2, 4], [3]],
      [[1, 0], [0]],
    ],
    { savesAtStop: true, patchesComeLate: true, stranger: { is: 'a pod', ip: 1 } },
  );
  assertHolds(t, settings, { doubts: true });
});

t.test('a cycle is found where there is one', async (t) => {
  t.equal(findCycle(4, [0, 1, 1, 3, 0, 2, 2, 3]), null, 'two ways to one place are none');
  t.same(findCycle(1, [0, 0]), [0]);
  const cycle = findCycle(6, [0, 1, 1, 2, 2, 3, 3, 1, 3, 4, 0, 5]) ?? [];
  t.same([...cycle].sort(), [1, 2, 3]);
  const [first, second] = cycle as [number, number];
  t.equal(second, first === 3 ? 1 : first + 1, 'in the order of its edges');
});
