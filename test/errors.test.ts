import t from 'tap';
import { exitCodes, Failure } from '../src/errors.ts';

t.test('exit codes are those of sysexits.h, each used once', async (t) => {
  t.same(exitCodes, { ok: 0, usage: 64, refused: 65, unavailable: 69, io: 74, forbidden: 77 });
});

t.test('a failure keeps its sentence, its code and its cause', async (t) => {
  const cause = new Error('ECONNREFUSED');
  const failure = new Failure(exitCodes.unavailable, 'The API does not answer.', { cause });
  t.equal(failure.message, 'The API does not answer.');
  t.equal(failure.exitCode, 69);
  t.equal(failure.cause, cause);
});
