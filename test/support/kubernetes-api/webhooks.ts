/**
 * Mutating admission webhooks, called for CREATE as kube-apiserver calls them. Not evaluated: matchConditions
 * (CEL), reinvocation, clientConfig.service (there is no service network; give a url).
 */
import { randomUUID } from 'node:crypto';
import type { Operation } from 'fast-json-patch';
import type { KubernetesObject } from './objects.ts';
import { applyJsonPatch } from './patch.ts';
import type { RequestInfo } from './request-info.ts';
import { apiVersionOf, resources } from './resources.ts';
import { type LabelSelector, matchesLabels } from './selectors.ts';
import { ApiError, internalError } from './status.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';
import { postReview, type ReviewResponse } from './webhook-call.ts';

export type Webhook = {
  name: string;
  clientConfig: { url?: string; caBundle?: string };
  rules?: { operations: string[]; apiGroups: string[]; apiVersions: string[]; resources: string[] }[];
  failurePolicy?: 'Fail' | 'Ignore';
  timeoutSeconds?: number;
  namespaceSelector?: LabelSelector;
  objectSelector?: LabelSelector;
};

/** What admission tells beside the object: warnings for the client, annotations for the audit log. */
export type Remarks = { warnings: string[]; annotations: Record<string, string> };

/** The object after all webhooks that want to see it, one after another. */
export async function callWebhooks(
  store: Store,
  user: User,
  info: RequestInfo,
  object: KubernetesObject,
  remarks: Remarks,
): Promise<KubernetesObject> {
  let current = object;
  for (const webhook of webhooksOf(store).filter((webhook) => wants(webhook, store, info, object))) {
    const response = await ask(webhook, reviewOf(user, info, current), remarks);
    if (response) current = admitted(webhook, response, current, remarks);
  }
  return current;
}

function webhooksOf(store: Store): Webhook[] {
  return store
    .list(resources.mutatingwebhookconfigurations)
    .flatMap((configuration) => (configuration.webhooks ?? []) as Webhook[]);
}

function wants(webhook: Webhook, store: Store, info: RequestInfo, object: KubernetesObject): boolean {
  const { resource } = info;
  if (resource === resources.mutatingwebhookconfigurations || info.subresource) return false;
  const covers = (list: string[], value: string) => list.includes('*') || list.includes(value);
  const ruled = (webhook.rules ?? []).some(
    (rule) =>
      covers(rule.operations, 'CREATE') &&
      covers(rule.apiGroups, resource.group) &&
      covers(rule.apiVersions, resource.version) &&
      covers(rule.resources, resource.plural),
  );
  const namespace = store.get(resources.namespaces, '', info.namespace)?.metadata.labels ?? {};
  return (
    ruled &&
    (!info.namespace || matchesLabels(webhook.namespaceSelector, namespace)) &&
    matchesLabels(webhook.objectSelector, object.metadata.labels ?? {})
  );
}

function reviewOf(user: User, info: RequestInfo, object: KubernetesObject): { uid: string; body: object } {
  const { group, version, kind, plural } = info.resource;
  const uid = randomUUID();
  const request = {
    uid,
    kind: { group, version, kind },
    resource: { group, version, resource: plural },
    requestKind: { group, version, kind },
    requestResource: { group, version, resource: plural },
    name: object.metadata.name,
    namespace: info.namespace,
    operation: 'CREATE',
    userInfo: { username: user.name, groups: user.groups },
    object: { ...object, apiVersion: apiVersionOf(info.resource), kind },
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  };
  return { uid, body: { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request } };
}

/** The answer, or `undefined` where a failed call is to be ignored. */
async function ask(
  webhook: Webhook,
  review: ReturnType<typeof reviewOf>,
  remarks: Remarks,
): Promise<ReviewResponse | undefined> {
  try {
    return await postReview(webhook, review);
  } catch (error) {
    if (webhook.failurePolicy === 'Ignore') {
      remarks.annotations[`failed-open.mutating.webhook.admission.k8s.io/${webhook.name}`] = webhook.name;
      return undefined;
    }
    throw internalError(`failed calling webhook "${webhook.name}": ${(error as Error).message}`);
  }
}

function admitted(
  webhook: Webhook,
  response: ReviewResponse,
  object: KubernetesObject,
  remarks: Remarks,
): KubernetesObject {
  remarks.warnings.push(...(response.warnings ?? []));
  for (const [key, value] of Object.entries(response.auditAnnotations ?? {}))
    remarks.annotations[`${webhook.name}/${key}`] = value;
  if (!response.allowed) {
    const { code = 403, reason = 'Forbidden', message = '' } = response.status ?? {};
    const denied = `admission webhook "${webhook.name}" denied the request`;
    throw new ApiError(code, reason, message ? `${denied}: ${message}` : `${denied} without explanation`);
  }
  if (!response.patch) return object;
  const operations = JSON.parse(Buffer.from(response.patch, 'base64').toString()) as Operation[];
  return applyJsonPatch(object, operations);
}
