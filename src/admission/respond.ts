import type { Patch } from './patch.ts';
import {
  type Finding,
  type Objection,
  type Remark,
  reasons,
  remarks as remarkTexts,
  sentence,
} from './reasons.ts';
import type { AdmissionRequest } from './review.ts';

/** How a review was answered. Made by the constructors below alone. */
export type Outcome = { finding: Finding; patch: Patch; remarks: Remark[] };

/** The pod is created with the patch applied. */
export function injected(container: string, path: string, patch: Patch, remarks: Remark[]): Outcome {
  return { finding: { reason: 'injected', container, path }, patch, remarks };
}

/** The pod is created as it is, or not at all: the finding's reason says which. */
export function settled(finding: Objection): Outcome {
  return { finding, patch: [], remarks: [] };
}

/** kube-apiserver cuts longer ones once all warnings of a request pass 4 KiB. */
const WARNING_MAX_CHARACTERS = 120;

const HTTP_FORBIDDEN = 403;
const HTTP_INTERNAL_ERROR = 500;

/** The AdmissionReview to send back: apiVersion and uid are those of the request. */
export function reviewResponse({ apiVersion, uid }: AdmissionRequest, outcome: Outcome): object {
  const { reason } = outcome.finding;
  const { outcome: kind } = reasons[reason];
  const auditAnnotations = { outcome: kind, reason };
  const common = { uid, auditAnnotations };
  return { apiVersion, kind: 'AdmissionReview', response: { ...common, ...verdict(outcome) } };
}

function verdict({ finding, patch, remarks }: Outcome): object {
  const row = reasons[finding.reason];
  switch (row.outcome) {
    case 'injected':
    case 'skipped': {
      const warnings = [...(row.warns ? [sentence(finding)] : []), ...remarks.map((key) => remarkTexts[key])];
      return {
        allowed: true,
        ...(patch.length > 0 ? { patchType: 'JSONPatch', patch: base64(patch) } : {}),
        ...(warnings.length > 0 ? { warnings: warnings.map(cutWarning) } : {}),
      };
    }
    case 'denied':
      return { allowed: false, status: status(HTTP_FORBIDDEN, 'Forbidden', finding) };
    case 'failed':
      return { allowed: false, status: status(HTTP_INTERNAL_ERROR, 'InternalError', finding) };
  }
}

function status(code: number, reason: string, finding: Finding): object {
  return { code, reason, message: `${sentence(finding)} (${finding.reason})` };
}

function cutWarning(text: string): string {
  return text.length <= WARNING_MAX_CHARACTERS ? text : `${text.slice(0, WARNING_MAX_CHARACTERS - 3)}...`;
}

function base64(patch: Patch): string {
  return Buffer.from(JSON.stringify(patch)).toString('base64');
}
