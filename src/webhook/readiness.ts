export type State = {
  draining: boolean;
  /** Why the certificate would not be accepted. */
  certificate: readonly string[];
  /** Whether admission's StatefulSets, and all that provisioning follows, were listed once. */
  synced: { admission: boolean; provisioning: boolean };
};

/** Why the webhook should get no new connections one phrase each; none: it is ready. */
export function unreadiness(state: State): string[] {
  const reasons: string[] = [];
  if (state.draining) reasons.push('terminating');
  reasons.push(...state.certificate);
  if (!state.synced.admission) reasons.push('the StatefulSets have not been listed yet');
  if (!state.synced.provisioning) reasons.push('the namespaces and their objects have not been listed yet');
  return reasons;
}
