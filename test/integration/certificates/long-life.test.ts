/** Many weeks of certificate life in little more than a minute. */
import t from 'tap';
import { live } from './life.ts';

t.test('nine weeks, three replicas, a CA that lives for three weeks', async (t) => {
  const { pairs, authorities, gone, calls } = await live(t, {
    replicas: 3,
    weekMs: 8_000,
    weeks: 9,
    caWeeks: 3,
    events: [
      [2.5, 'deleted'],
      [3.5, 'replica replaced'],
      [4.2, 'asked'],
      [4.3, 'deleted'],
      [6.5, 'replica replaced'],
    ],
  });
  t.ok(pairs[0] && pairs[0] >= 12, 'the one that was there all the time renewed every two thirds of a week');
  t.ok(authorities >= 6, 'the CA was replaced three times for its age, and three times by hand');
  t.ok(gone >= 3, 'those of former times are trusted no more');
  t.ok(calls > 1_000);
});
