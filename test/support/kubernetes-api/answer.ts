/** One request from its first byte to its answer: authentication, authorization, the verb, the audit entry. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuditEntry } from './audit.ts';
import { deleteObject } from './deletion.ts';
import { type ListPages, selectorOf } from './list-pages.ts';
import type { KubernetesObject } from './objects.ts';
import { isApply } from './patch.ts';
import { authorize } from './rbac.ts';
import { readBody } from './request-body.ts';
import { type RequestInfo, requestInfo } from './request-info.ts';
import { ApiError, internalError, notFound, type StatusBody } from './status.ts';
import { bindPod, requestToken } from './subresources.ts';
import type { User, Users } from './users.ts';
import { serveWatch } from './watch.ts';
import type { Remarks } from './webhooks.ts';
import { applyObject, type Context, createObject, patchObject, updateObject } from './writes.ts';

/** All that the API remembers. */
export type Core = Context & {
  users: Users;
  pages: ListPages;
  audit: AuditEntry[];
  intercept: (info: RequestInfo) => ApiError | undefined;
};

type Reply = { code: number; body: object };

/** Answers a request; never rejects. */
export async function answer(core: Core, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://api');
  if (['/readyz', '/livez', '/healthz'].includes(url.pathname)) {
    response.end('ok');
    return;
  }
  const remarks: Remarks = { warnings: [], annotations: {} };
  let user: User | undefined;
  let info: RequestInfo | undefined;
  let code = 200;
  try {
    user = core.users.authenticate(request.headers.authorization);
    info = requestInfo(request.method ?? 'GET', url);
    authorize(core.store, user, info);
    const refusal = core.intercept(info);
    if (refusal) throw refusal;
    if (info.verb === 'watch') {
      serveWatch(core.store, info, response);
      return;
    }
    const reply = await perform(core, user, info, request, remarks);
    code = reply.code;
    send(response, reply, remarks);
  } catch (error) {
    const { body } = error instanceof ApiError ? error : internalError(String(error));
    code = body.code;
    send(response, { code, body }, remarks);
  } finally {
    record(core, user, info, code, remarks);
  }
}

async function perform(
  core: Core,
  user: User,
  info: RequestInfo,
  request: IncomingMessage,
  remarks: Remarks,
): Promise<Reply> {
  const { store } = core;
  const ok = (body: object): Reply => ({ code: 200, body });
  const created = (body: object): Reply => ({ code: 201, body });
  if (info.verb === 'list') return ok(core.pages.page(info));
  if (info.verb === 'get') return ok(existing(core, info));
  const body = await readBody(request, info.verb);
  const contentType = request.headers['content-type'] ?? '';
  if (info.verb === 'patch' && isApply(contentType)) {
    const { code, object } = await applyObject(core, user, info, body, remarks);
    return { code, body: object };
  }
  if (info.verb === 'patch') return ok(patchObject(core, info, contentType, body));
  if (info.verb === 'update') return ok(updateObject(core, info, body));
  if (info.verb === 'delete')
    return ok(deleteObject(store, info.resource, existing(core, info), body, core.now()));
  if (info.verb === 'deletecollection') return ok(deleteCollection(core, info, body));
  if (info.subresource === 'binding') return created(bindPod(store, info, body));
  if (info.subresource === 'token') return created(requestToken(store, core.users, info, body, core.now()));
  return created(await createObject(core, user, info, body, remarks));
}

function existing({ store }: Core, { resource, namespace, name }: RequestInfo): KubernetesObject {
  const object = store.get(resource, namespace, name);
  if (!object) throw notFound(resource, name);
  return object;
}

function deleteCollection({ store, now }: Core, info: RequestInfo, body: unknown): StatusBody {
  const objects = store.list(info.resource, info.namespace).filter(selectorOf(info.query));
  for (const object of objects) deleteObject(store, info.resource, object, body, now());
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 200 };
}

function send(response: ServerResponse, { code, body }: Reply, { warnings }: Remarks): void {
  if (warnings.length > 0)
    response.setHeader(
      'warning',
      warnings.map((text) => `299 - ${JSON.stringify(text)}`),
    );
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function record(
  core: Core,
  user: User | undefined,
  info: RequestInfo | undefined,
  code: number,
  { annotations }: Remarks,
): void {
  core.audit.push({
    user: user?.name ?? '',
    ...(user?.pod && { pod: user.pod }),
    verb: info?.verb ?? '',
    resource: info?.resource.plural ?? '',
    subresource: info?.subresource ?? '',
    namespace: info?.namespace ?? '',
    name: info?.name ?? '',
    code,
    annotations,
  });
}
