/** CREATE, UPDATE and PATCH: what becomes of an object between the request's body and the store. */
import { randomBytes, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { decodeObject, validate, withDefaults } from './defaults.ts';
import { furnishNamespace } from './namespaces.ts';
import type { KubernetesObject, Pod } from './objects.ts';
import { applyPatch, sameContent } from './patch.ts';
import { authorize } from './rbac.ts';
import type { RequestInfo } from './request-info.ts';
import { apiVersionOf, resources } from './resources.ts';
import { giveServiceAccount, requireServiceAccount } from './service-account-plugin.ts';
import { ApiError, alreadyExists, badRequest, conflict, invalid, notFound } from './status.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';
import { callWebhooks, type Remarks } from './webhooks.ts';

export type Context = { store: Store; now: () => Date; ca: string };

/** Creates an object: defaults, admission, validation, and only then the question whether it exists. */
export async function createObject(
  { store, now, ca }: Context,
  user: User,
  info: RequestInfo,
  body: unknown,
  remarks: Remarks,
): Promise<KubernetesObject> {
  const { resource, namespace } = info;
  const named = withNames(info, decodeObject(resource, apiVersionOf(resource), body));
  if (namespace && !store.get(resources.namespaces, '', namespace))
    throw notFound(resources.namespaces, namespace);
  const creationTimestamp = now()
    .toISOString()
    .replace(/\.\d+Z/, 'Z');
  const fresh = withDefaults(resource, {
    ...named,
    metadata: {
      ...named.metadata,
      uid: randomUUID(),
      creationTimestamp,
      ...('spec' in named && { generation: 1 }),
    },
  });
  const admitted = await admit(store, user, info, fresh, remarks);
  validate(resource, admitted);
  if (store.get(resource, namespace, admitted.metadata.name))
    throw alreadyExists(resource, admitted.metadata.name);
  const created = store.put(resource, admitted);
  if (resource === resources.namespaces)
    furnishNamespace(store, created.metadata.name, ca, creationTimestamp);
  return created;
}

function withNames({ resource, namespace }: RequestInfo, object: KubernetesObject): KubernetesObject {
  const { name, generateName, namespace: own, resourceVersion, ...rest } = object.metadata;
  if (resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  if (own && own !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (!name && !generateName)
    throw invalid(resource, '', 'metadata.name: Required value: name or generateName is required');
  return {
    ...object,
    metadata: {
      ...rest,
      ...(generateName && { generateName }),
      name: name || `${generateName}${randomBytes(3).toString('hex').slice(0, 5)}`,
      ...(namespace && { namespace }),
    },
  };
}

async function admit(
  store: Store,
  user: User,
  info: RequestInfo,
  object: KubernetesObject,
  remarks: Remarks,
): Promise<KubernetesObject> {
  const isPod = info.resource === resources.pods;
  const prepared = isPod ? giveServiceAccount(store, object as Pod) : object;
  const patched = await callWebhooks(store, user, info, prepared, remarks);
  if (isPod) requireServiceAccount(store, patched as Pod);
  return patched;
}

/** Replaces an object, or its status alone. */
export function updateObject({ store }: Context, info: RequestInfo, body: unknown): KubernetesObject {
  const { resource, name } = info;
  const wanted = decodeObject(resource, apiVersionOf(resource), body);
  if (wanted.metadata.name !== name)
    throw badRequest(
      `the name of the object (${wanted.metadata.name}) does not match the name on the URL (${name})`,
    );
  return replace(store, info, existing(store, info), wanted);
}

/** Changes an object, or its status alone, by a patch. */
export function patchObject(
  { store }: Context,
  info: RequestInfo,
  contentType: string,
  patch: unknown,
): KubernetesObject {
  const current = existing(store, info);
  const patched = applyPatch(current, contentType, patch);
  const { resource } = info;
  try {
    return replace(store, info, current, decodeObject(resource, apiVersionOf(resource), patched));
  } catch (error) {
    // What is a malformed body of a POST or PUT is a patch that leads to no object.
    const isMalformed = error instanceof ApiError && error.body.code === 400;
    throw isMalformed ? invalid(resource, info.name, error.message) : error;
  }
}

/** Server-side apply: changes the object, or creates it for somebody who may do that. */
export async function applyObject(
  context: Context,
  user: User,
  info: RequestInfo,
  body: unknown,
  remarks: Remarks,
): Promise<{ code: number; object: KubernetesObject }> {
  const { resource, namespace, name, query } = info;
  if (!query.get('fieldManager'))
    throw invalid(resource, name, 'fieldManager: Required value: is required for apply patch');
  const { uid } = decodeObject(resource, apiVersionOf(resource), body).metadata;
  const current = context.store.get(resource, namespace, name);
  if (current && uid && uid !== current.metadata.uid)
    throw invalid(resource, name, `metadata.uid: Invalid value: "${uid}": field is immutable`);
  if (current) return { code: 200, object: patchObject(context, info, 'application/apply-patch+yaml', body) };
  authorize(context.store, user, { ...info, verb: 'create' });
  if (uid) throw conflict(resource, name, `uid mismatch: there is no object with the uid ${uid}`);
  return { code: 201, object: await createObject(context, user, info, body, remarks) };
}

function existing(store: Store, { resource, namespace, name }: RequestInfo): KubernetesObject {
  const object = store.get(resource, namespace, name);
  if (!object) throw notFound(resource, name);
  return object;
}

function replace(
  store: Store,
  { resource, subresource }: RequestInfo,
  current: KubernetesObject,
  wanted: KubernetesObject,
): KubernetesObject {
  const { resourceVersion, uid } = wanted.metadata;
  const moved = resourceVersion && resourceVersion !== current.metadata.resourceVersion;
  if (moved || (uid && uid !== current.metadata.uid)) throw conflict(resource, current.metadata.name);
  const next =
    subresource === 'status' ? { ...current, status: wanted.status } : keepServerFields(current, wanted);
  validate(resource, next);
  // A write that changes nothing is no write: the revision stays.
  return sameContent(current, next) ? current : store.put(resource, next);
}

/** A client cannot change what the server and the kubelet own. */
function keepServerFields(current: KubernetesObject, wanted: KubernetesObject): KubernetesObject {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, namespace } =
    current.metadata;
  const respecified = !isDeepStrictEqual(current.spec, wanted.spec);
  return {
    ...wanted,
    metadata: {
      ...wanted.metadata,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(creationTimestamp && { creationTimestamp }),
      ...(deletionTimestamp && { deletionTimestamp }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
      ...(generation !== undefined && { generation: respecified ? generation + 1 : generation }),
    },
    ...(current.status !== undefined && { status: current.status }),
  };
}
