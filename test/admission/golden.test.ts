import t from 'tap';
import { reasons } from '../../src/admission/reasons.ts';
import {
  admit,
  applied,
  fixtureNames,
  fixturePorts,
  type Json,
  type Review,
  readFixture,
} from './fixture.ts';

const seen = new Set<string>();

for (const name of fixtureNames) {
  t.test(name, async (t) => {
    const review = readFixture<Review>(name, 'review.json');
    if (!review) throw new Error('no review.json');
    const { reason, response, patch } = await admit(review, fixturePorts(name));
    seen.add(reason);
    t.same(response, readFixture<Json>(name, 'response.json'), 'the response');
    t.same(patch, readFixture<Json>(name, 'patch.json'), 'the patch');
    if (!patch) return;

    const pod = applied(review.request.object, patch);
    const again = await admit({ ...review, request: { ...review.request, object: pod } }, fixturePorts(name));
    t.equal(again.patch, undefined, 'admitted again: nothing is left to do');
    t.equal(again.reason, 'already-injected');
  });
}

t.test('every reason has a golden case, but for the failures, which have none in the pod', (t) => {
  const expected = Object.entries(reasons).filter(([, row]) => row.outcome !== 'failed');
  t.same([...seen].sort(), expected.map(([reason]) => reason).sort());
  t.end();
});
