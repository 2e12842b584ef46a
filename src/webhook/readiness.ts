import type { KeyPair } from './certificate-directory.ts';

export type State = {
  draining: boolean;
  keyPair: Pick<KeyPair, 'notBeforeMs' | 'notAfterMs'>;
  /** Whether admission's StatefulSets, and all that provisioning follows, were listed once. */
  synced: { admission: boolean; provisioning: boolean };
};

/** Why the webhook should get no new connections at `nowMs`, one phrase each; none: it is ready. */
export function unreadiness(state: State, nowMs: number): string[] {
  const reasons: string[] = [];
  if (state.draining) reasons.push('terminating');
  if (nowMs < state.keyPair.notBeforeMs) reasons.push('the certificate is not valid yet');
  if (nowMs > state.keyPair.notAfterMs) reasons.push('the certificate has expired');
  if (!state.synced.admission) reasons.push('the StatefulSets have not been listed yet');
  if (!state.synced.provisioning) reasons.push('the namespaces and their objects have not been listed yet');
  return reasons;
}
