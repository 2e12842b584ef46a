/** The audit log: who asked for what, and the status code of the answer. */

export type AuditEntry = {
  user: string;
  /** The pod whose service account token was used. */
  pod?: string;
  verb: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  code: number;
  /** What admission webhooks said for the log. */
  annotations: Record<string, string>;
};
