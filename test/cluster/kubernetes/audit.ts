import { readFileSync } from 'node:fs';

/** What a test asks of an audit.k8s.io/v1 Event. */
export type AuditEvent = {
  verb: string;
  requestURI: string;
  user: { username: string };
  userAgent?: string;
  objectRef?: { resource?: string; namespace?: string; name?: string; subresource?: string };
  responseStatus?: { code: number };
  requestReceivedTimestamp: string;
};

/** Every request at the level of its metadata, once: at its end (a watch, that is, when it breaks off). */
export const METADATA_AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [{ level: 'Metadata' }],
};

/** The requests in an audit log, of one user (`system:serviceaccount:NAMESPACE:NAME`, say) or of all. */
export function auditEvents(path: string, username?: string): AuditEvent[] {
  // The last line may be half written.
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const events = lines.map((line) => JSON.parse(line) as AuditEvent);
  return username === undefined ? events : events.filter((event) => event.user.username === username);
}
