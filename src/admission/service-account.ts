import { SERVICE_ACCOUNT } from '../names.ts';
import type { Settings } from './settings.ts';
import type { Pod } from './shapes.ts';

/**
 * The service account that the pod must be given, or undefined if it keeps its own. A pod without an account
 * of its own gets ours, which may do what the updater does; an account that somebody chose is kept, and the
 * provisioning gives it the same rights.
 */
export function newServiceAccount(pod: Pod, settings: Settings): string | undefined {
  const current = pod.spec.serviceAccountName || pod.spec.serviceAccount || 'default';
  return current === 'default' && settings.serviceAccount === 'switch' ? SERVICE_ACCOUNT : undefined;
}
