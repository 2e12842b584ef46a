/** What a user reads of a failure, in the log and in `kubectl describe pod`. */
import type { Test } from 'tap';
import type { Ended } from '../updater-program.ts';

/** Asserts that it is one sentence that names a path on the volume and says what to do, and the same in both places. */
export function isOneSentence(
  t: Test,
  { logs, message }: { logs: Ended['logs']; message: string },
  volume: string,
): void {
  const errors = logs.filter(({ level }) => level === 'error');
  t.equal(errors.length, 1, 'one error in the log');
  const sentence = String(errors[0]?.msg);
  t.equal(message, sentence, 'the same for the kubelet');
  t.ok(sentence.includes(`${volume}`), `it names the path: ${sentence}`);
  t.match(
    sentence,
    /^[^\n]*: (check|mount|remove|stop|set)[^\n]*\.$|\. Restore [^\n]*\.$|so it is not used/,
    'and says what to do',
  );
  t.notMatch(sentence, /\n| {4}at /, 'without a stack');
  t.notOk(
    logs.some(({ level }) => level === 'not JSON'),
    'and nothing beside the log',
  );
}
