import type { V1PolicyRule } from '@kubernetes/client-node';
import { CA_SECRET, WEBHOOK_CONFIGURATION } from '../names.ts';

const FOLLOW_AND_PATCH = ['get', 'list', 'watch', 'patch'];

/**
 * What self-managed certificates need, for the chart: cluster-wide, and in the webhook's own namespace. The Secret
 * is created by POST, so that the second replica hears that it is the second; RBAC sees no name in that.
 * Events it may create as provisioning does.
 */
export const certificateRules: { cluster: V1PolicyRule[]; namespace: V1PolicyRule[] } = {
  cluster: [
    {
      apiGroups: ['admissionregistration.k8s.io'],
      resources: ['mutatingwebhookconfigurations'],
      resourceNames: [WEBHOOK_CONFIGURATION],
      verbs: FOLLOW_AND_PATCH,
    },
  ],
  namespace: [
    { apiGroups: [''], resources: ['secrets'], resourceNames: [CA_SECRET], verbs: FOLLOW_AND_PATCH },
    { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
  ],
};
