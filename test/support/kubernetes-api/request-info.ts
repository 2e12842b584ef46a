/** What a request asks for, read from its method and path alone: the input of RBAC and of the audit log. */
import { findResource, type Resource } from './resources.ts';
import { methodNotAllowed, noSuchResource } from './status.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export type RequestInfo = {
  verb: Verb;
  resource: Resource;
  /** Empty when the request is about all namespaces, or about a kind that has none. */
  namespace: string;
  /** Empty when the request is about a collection. */
  name: string;
  subresource: string;
  query: URLSearchParams;
};

/** Reads a request; an unknown path is a 404, a method that makes no sense there a 405. */
export function requestInfo(method: string, url: URL): RequestInfo {
  const { group, version, rest } = splitRoot(url.pathname);
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2;
  const [plural = '', name = '', subresource = '', ...more] = inNamespace ? rest.slice(2) : rest;
  const resource = findResource(group, version, plural);
  if (!resource || more.length > 0) throw noSuchResource();
  if (subresource && !resource.subresources.includes(subresource)) throw noSuchResource();
  if (inNamespace && !resource.namespaced) throw noSuchResource();
  const namespace = inNamespace ? (rest[1] ?? '') : '';
  const verb = verbOf(method, name, subresource, url.searchParams);
  const needsNamespace = resource.namespaced && !['list', 'watch'].includes(verb);
  if (needsNamespace && !namespace) throw methodNotAllowed();
  return { verb, resource, namespace, name, subresource, query: url.searchParams };
}

function splitRoot(pathname: string): { group: string; version: string; rest: string[] } {
  const [root, ...parts] = pathname.split('/').filter((part) => part);
  const decoded = parts.map(decodeURIComponent);
  if (root === 'api') return { group: '', version: decoded[0] ?? '', rest: decoded.slice(1) };
  if (root === 'apis') return { group: decoded[0] ?? '', version: decoded[1] ?? '', rest: decoded.slice(2) };
  throw noSuchResource();
}

function verbOf(method: string, name: string, subresource: string, query: URLSearchParams): Verb {
  // These are written by POST only, as if created.
  const postOnly = subresource === 'binding' || subresource === 'token';
  if (method === 'POST' && (postOnly || !name)) return 'create';
  if (postOnly) throw methodNotAllowed();
  if (method === 'GET' && name) return 'get';
  if (method === 'GET') return ['true', '1'].includes(query.get('watch') ?? '') ? 'watch' : 'list';
  if (method === 'DELETE' && !subresource) return name ? 'delete' : 'deletecollection';
  if (method === 'PUT' && name) return 'update';
  if (method === 'PATCH' && name) return 'patch';
  throw methodNotAllowed();
}
