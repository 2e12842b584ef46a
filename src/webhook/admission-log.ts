import type { FastifyBaseLogger } from 'fastify';
import { reasons, sentence } from '../admission/reasons.ts';
import { Failure } from '../errors.ts';
import { excerpt } from '../excerpt.ts';
import type { Observed } from './app.ts';

/** The longest name that an object may have. */
const NAME_MAX_CHARACTERS = 253;

/** One line for each answer: loud where somebody has to act, quiet for the pods that are not ours. */
export function logAnswer(log: FastifyBaseLogger, answer: Observed): void {
  if (answer.kind === 'unreadable') {
    log.warn({ outcome: 'unreadable' }, answer.sentence);
    return;
  }
  if (answer.kind === 'overloaded') {
    log.warn({ outcome: 'refused', reason: 'overloaded' }, answer.sentence);
    return;
  }
  if (answer.kind === 'crashed') {
    log.error({ outcome: 'failed', reason: 'internal-error', err: answer.error }, 'request failed');
    return;
  }
  const { finding, remarks } = answer.outcome;
  const { outcome } = reasons[finding.reason];
  const { namespace, uid, pod } = answer.request;
  // Nothing has checked these yet: validation comes after admission, and others than the API server may call.
  const [where, name, request] = [namespace, pod.metadata.name ?? '', uid].map((text) => cut(text));
  const fields = { outcome, reason: finding.reason, namespace: where, pod: name, uid: request, remarks };
  switch (outcome) {
    case 'injected':
      log.info(fields, sentence(finding));
      return;
    case 'skipped':
      log.debug(fields, sentence(finding));
      return;
    case 'denied':
      log.warn(fields, sentence(finding));
      return;
    case 'failed':
      // A Failure's sentence says all; a bug needs its stack.
      log.error(
        answer.error instanceof Failure ? fields : { ...fields, err: answer.error },
        sentence(finding),
      );
      return;
  }
}

function cut(text: string): string {
  return excerpt(text, NAME_MAX_CHARACTERS, false);
}
