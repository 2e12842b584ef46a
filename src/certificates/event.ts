import type { CoreV1Event } from '@kubernetes/client-node';
import { CA_SECRET, PROJECT } from '../names.ts';
import type { Certificate } from './certificate.ts';
import type { Occasion } from './plan.ts';

type Story = { reason: string; type: 'Normal' | 'Warning'; sentence: string };

/** What happened, for a person: in the log and in an Event. */
export function story(occasion: Occasion): Story {
  switch (occasion.reason) {
    case 'created':
      return { reason: 'Created', type: 'Normal', sentence: 'made the CA of the webhook' };
    case 'deleted':
      return {
        reason: 'Restored',
        type: 'Warning',
        sentence:
          'the CA was gone, though the caBundle names one: made a new CA; the old one stays trusted for now',
      };
    case 'unusable':
      return {
        reason: 'Repaired',
        type: 'Warning',
        sentence: `the CA could not be used (${occasion.why}): made a new CA; what is served stays trusted`,
      };
    case 'due':
      return { reason: 'Rotated', type: 'Normal', sentence: 'made a new CA, as the old one nears its end' };
    case 'asked':
      return { reason: 'Rotated', type: 'Normal', sentence: 'made a new CA, as the annotation asked' };
  }
}

/** The Event, at the Secret. Only the replica whose CA was taken tells it; the name is that CA's. */
export function authorityEvent(
  occasion: Occasion,
  { fingerprint }: Certificate,
  namespace: string,
  now: Date,
): CoreV1Event {
  const { reason, type, sentence } = story(occasion);
  const id = fingerprint.replaceAll(':', '').slice(0, 16).toLowerCase();
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${CA_SECRET}.${id}`, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Secret', name: CA_SECRET, namespace },
    type,
    reason: `CertificateAuthority${reason}`,
    message: sentence,
    source: { component: PROJECT },
    reportingComponent: PROJECT,
    reportingInstance: PROJECT,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
