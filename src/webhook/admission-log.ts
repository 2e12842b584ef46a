import type { FastifyBaseLogger } from 'fastify';
import type { Answer } from '../admission/handle.ts';
import { reasons, sentence } from '../admission/reasons.ts';

/** One line for each answer: loud where somebody has to act, quiet for the pods that are not ours. */
export function logAnswer(log: FastifyBaseLogger, answer: Answer): void {
  if (answer.kind === 'unreadable') {
    log.warn({ outcome: 'unreadable' }, answer.sentence);
    return;
  }
  const { finding, remarks } = answer.outcome;
  const { outcome } = reasons[finding.reason];
  const { namespace, uid, pod } = answer.request;
  const fields = { outcome, reason: finding.reason, namespace, pod: pod.metadata.name, uid, remarks };
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
      log.error({ ...fields, err: answer.error }, sentence(finding));
      return;
  }
}
