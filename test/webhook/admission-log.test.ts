import { pino } from 'pino';
import t from 'tap';
import { handle } from '../../src/admission/handle.ts';
import { exitCodes, Failure } from '../../src/errors.ts';
import { logAnswer } from '../../src/webhook/admission-log.ts';
import type { Observed } from '../../src/webhook/app.ts';
import { fixturePorts, type Review, readFixture, updater } from '../admission/fixture.ts';

function logged(answer: Observed): Record<string, unknown> {
  let text = '';
  logAnswer(pino({ level: 'debug' }, { write: (line: string) => (text += line) }), answer);
  return JSON.parse(text);
}

t.test('names that nobody has checked are cut, and stay on their line', async (t) => {
  const review = structuredClone(readFixture<Review>('official-redis', 'review.json')) as Review;
  const hostile = `\n{"level":60}\u009b${'x'.repeat(1_000_000)}`;
  Object.assign(review.request, { uid: hostile, namespace: hostile });
  review.request.object.metadata = { name: hostile };
  const { pod, namespace, uid } = logged(await handle(review, fixturePorts('official-redis'), updater));
  t.match(pod, /^\\n{\\"level\\":60}\\u009bx{200,240}\.\.\.$/);
  t.same([namespace, uid], [pod, pod]);
});

const answerTo = (name: string, error?: unknown) => {
  const fail = async () => {
    throw error;
  };
  const ports = error ? { findStatefulSet: fail, listLimitRanges: fail } : fixturePorts(name);
  return handle(readFixture(name, 'review.json'), ports, updater);
};

t.test('one line for each answer, as loud as somebody has to act', async (t) => {
  const levels = { debug: 20, info: 30, warn: 40, error: 50 };
  const pod = { namespace: 'shop', pod: 'redis-0', uid: /./ };
  t.match(logged(await answerTo('official-redis')), { level: levels.info, reason: 'injected', ...pod });
  t.match(logged(await answerTo('not-labelled')), { level: levels.debug, outcome: 'skipped', ...pod });
  t.match(logged(await answerTo('limit-range-pod')), { level: levels.warn, outcome: 'denied', ...pod });
  t.match(logged({ kind: 'unreadable', sentence: 'Not a review.' }), {
    level: levels.warn,
    msg: 'Not a review.',
  });
  t.match(logged({ kind: 'crashed', error: new Error('x') }), { level: levels.error, err: { message: 'x' } });

  const failure = logged(await answerTo('official-redis', new Failure(exitCodes.unavailable, 'no answer')));
  t.match(failure, { level: levels.error, msg: 'no answer', err: undefined });
  const bug = logged(await answerTo('official-redis', new Error('a bug')));
  t.match(bug, { level: levels.error, reason: 'internal-error', err: { message: 'a bug', stack: /a bug/ } });
});
