import t from 'tap';
import { live } from './life.ts';

t.test('two weeks in six seconds, with a rotation of the CA', async (t) => {
  const { pairs, authorities, calls } = await live(t, {
    replicas: 2,
    weekMs: 3_000,
    weeks: 2,
    caWeeks: 500,
    events: [[0.5, 'asked']],
  });
  t.ok(
    pairs.every((count) => count >= 4),
    'renewed three times, once for the CA',
  );
  t.equal(authorities, 2);
  t.ok(calls > 100);
});
