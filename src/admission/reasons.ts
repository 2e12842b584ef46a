/** Why a pod was injected, left alone or denied: stable reasons, and the one table of their sentences. */
import { excerpt } from '../excerpt.ts';
import { annotations, INIT_CONTAINER, INJECT_LABEL, SERVICE_ACCOUNT } from '../names.ts';

/** injected, skipped: allowed. denied: the pod cannot be injected as it is. failed: we could not tell. */
export type OutcomeKind = 'injected' | 'skipped' | 'denied' | 'failed';

/** What each reason is about. The reasons go to metrics and audit annotations: do not rename them. */
type Details = {
  injected: { container: string; path: string };
  'already-injected': object;
  'opted-out': object;
  'not-statefulset': object;
  'not-labelled': object;
  'not-linux': object;
  'announced-elsewhere': { setting: string };
  'not-persistent': { path: string };
  'invalid-annotation': { annotation: string; value: string; expected: string };
  'no-redis-container': object;
  'ambiguous-container': { names: string[] };
  'subpath-env': { variable: string; clash: boolean };
  'limit-range': { limitRange: string; type: string; maximum: string; needed: string };
  'lookup-failed': { why: string };
  'internal-error': object;
};

export type Reason = keyof Details;
export type Finding = { [R in Reason]: { reason: R } & Details[R] }[Reason];
/** Why a pod is not injected. */
export type Objection = Exclude<Finding, { reason: 'injected' }>;
type Row<R extends Reason> = {
  outcome: OutcomeKind;
  /** Whether the creator of an admitted pod is told: only where the user may expect something else. */
  warns: boolean;
  sentence: (about: Details[R]) => string;
};

export const reasons: { [R in Reason]: Row<R> } = {
  injected: {
    outcome: 'injected',
    warns: false,
    sentence: ({ container, path }) => `container ${excerpt(container)} keeps nodes.conf at ${excerpt(path)}`,
  },
  'already-injected': {
    outcome: 'skipped',
    warns: false,
    sentence: () => `the pod has an init container ${INIT_CONTAINER} already`,
  },
  'opted-out': {
    outcome: 'skipped',
    warns: false,
    sentence: () => `the pod's label ${INJECT_LABEL} is "false"`,
  },
  'not-statefulset': {
    outcome: 'skipped',
    warns: false,
    sentence: () => 'the pod is not controlled by a StatefulSet of the group apps',
  },
  'not-labelled': {
    outcome: 'skipped',
    warns: false,
    sentence: () => `neither the pod nor its StatefulSet has the label ${INJECT_LABEL}: "true"`,
  },
  'not-linux': {
    outcome: 'skipped',
    warns: true,
    sentence: () => 'not injected: the pod runs on Windows, the updater on Linux only',
  },
  'announced-elsewhere': {
    outcome: 'skipped',
    warns: true,
    sentence: ({ setting }) =>
      `not injected: the nodes have other addresses (${setting}); announce status.podIP to be injected`,
  },
  'not-persistent': {
    outcome: 'skipped',
    warns: true,
    sentence: ({ path }) =>
      `not injected: no persistent volume holds ${excerpt(path, 28)} (annotation ${annotations.nodesConf})`,
  },
  'invalid-annotation': {
    outcome: 'denied',
    warns: false,
    sentence: ({ annotation, value, expected }) =>
      `annotation ${annotation} must be ${expected}, not ${excerpt(value)}`,
  },
  'no-redis-container': {
    outcome: 'denied',
    warns: false,
    sentence: () =>
      `none of the pod's containers looks like redis, valkey or keydb: name it in the annotation ${annotations.container}`,
  },
  'ambiguous-container': {
    outcome: 'denied',
    warns: false,
    sentence: ({ names }) =>
      `containers ${excerpt(names.join(', '), 200)} all look like redis: name one in the annotation ${annotations.container}`,
  },
  'subpath-env': {
    outcome: 'denied',
    warns: false,
    sentence: ({ variable, clash }) =>
      clash
        ? `the subPathExpr of redis's volume uses ${excerpt(variable)}, a name that the updater needs for itself: rename the variable`
        : `the subPathExpr of redis's volume uses ${excerpt(variable)}, which is not in the container's env: list it there instead of in envFrom`,
  },
  'limit-range': {
    outcome: 'denied',
    warns: false,
    sentence: ({ limitRange, type, maximum, needed }) =>
      `LimitRange ${excerpt(limitRange)} allows a ${type} at most ${excerpt(maximum)} of memory, the updater needs ${needed}: ` +
      `set its max.memory to ${needed} or more, or the label ${INJECT_LABEL} of the pod template to "false"`,
  },
  'lookup-failed': { outcome: 'failed', warns: false, sentence: ({ why }) => excerpt(why, 500, false) },
  'internal-error': {
    outcome: 'failed',
    warns: false,
    sentence: () =>
      'redis-ip-updater failed on this pod, which is a bug of its own: see the log of its webhook',
  },
};

/** Said about an injected pod, beside the injection. */
export type Remark = 'service-account-switched' | 'unknown-user';
export const remarks: Record<Remark, string> = {
  'service-account-switched': `service account is now ${SERVICE_ACCOUNT}: rights given to "default" no longer apply to this pod`,
  'unknown-user': 'neither runAsUser nor fsGroup is set: the updater may not be allowed to write nodes.conf',
};

/** The sentence of a finding. User-given values in it are cut to a bounded length. */
export function sentence<R extends Reason>(finding: { reason: R } & Details[R]): string {
  const row: Row<R> = reasons[finding.reason];
  return row.sentence(finding);
}

/** Narrows the result of a step: it answers with what it found out, or why nothing is injected. */
export function isObjection<T extends object>(result: T | Objection): result is Objection {
  return 'reason' in result;
}
