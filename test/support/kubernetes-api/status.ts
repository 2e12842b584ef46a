/**
 * What the API says when it cannot do what was asked: the kind `Status`, with the reasons and sentences of a
 * real kube-apiserver, because clients decide by them.
 */
import type { Resource } from './resources.ts';

export type StatusBody = {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { continue?: string; resourceVersion?: string };
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: { name?: string; group?: string; kind?: string; uid?: string };
  code: number;
};

/** A refusal on its way to the client. */
export class ApiError extends Error {
  readonly body: StatusBody;

  constructor(code: number, reason: string, message: string, details?: StatusBody['details']) {
    super(message);
    this.name = 'ApiError';
    this.body = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details && { details }),
      code,
    };
  }
}

const of = (resource: Resource, name: string) => ({
  name,
  ...(resource.group && { group: resource.group }),
  kind: resource.plural,
});

const qualified = (resource: Resource) =>
  resource.group ? `${resource.plural}.${resource.group}` : resource.plural;

export const notFound = (resource: Resource, name: string) =>
  new ApiError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, of(resource, name));

export const noSuchResource = () =>
  new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});

export const alreadyExists = (resource: Resource, name: string) =>
  new ApiError(409, 'AlreadyExists', `${qualified(resource)} "${name}" already exists`, of(resource, name));

export const conflict = (resource: Resource, name: string, why = modified) =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    of(resource, name),
  );
const modified =
  'the object has been modified; please apply your changes to the latest version and try again';

export const forbidden = (resource: Resource, name: string, why: string) =>
  new ApiError(
    403,
    'Forbidden',
    `${qualified(resource)}${name ? ` "${name}"` : ''} is forbidden: ${why}`,
    of(resource, name),
  );

export const invalid = (resource: Resource, name: string, why: string) =>
  new ApiError(422, 'Invalid', `${resource.kind} "${name}" is invalid: ${why}`, {
    ...of(resource, name),
    kind: resource.kind,
  });

export const badRequest = (why: string) => new ApiError(400, 'BadRequest', why);

export const unauthorized = () => new ApiError(401, 'Unauthorized', 'Unauthorized');

export const methodNotAllowed = () =>
  new ApiError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );

export const unsupportedMediaType = (accepted: string[]) =>
  new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    {},
  );

export const expired = (why: string) => new ApiError(410, 'Expired', why);

export const internalError = (why: string) =>
  new ApiError(500, 'InternalError', `Internal error occurred: ${why}`);
