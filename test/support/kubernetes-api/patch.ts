/** PATCH: the patch types that our programs use, on plain JSON. */

import { isDeepStrictEqual } from 'node:util';
import jsonpatch from 'fast-json-patch';
import { ApiError, badRequest, unsupportedMediaType } from './status.ts';

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const APPLY = 'application/apply-patch+yaml';

/** Whether a PATCH is a server-side apply. */
export const isApply = (contentType: string) => contentType.split(';')[0]?.trim() === APPLY;

/** The patched value; the original stays as it is. Another content type is a 415. */
export function applyPatch<T extends object>(target: T, contentType: string, patch: unknown): T {
  const [mediaType = ''] = contentType.split(';');
  if (mediaType.trim() === MERGE) {
    if (!isRecord(patch)) throw badRequest('a merge patch is a JSON object');
    return mergePatch(target, patch) as T;
  }
  // Without owners of fields: nothing conflicts, what is no longer applied stays, and every list is replaced.
  if (isApply(contentType)) return mergePatch(target, patch) as T;
  if (mediaType.trim() === JSON_PATCH) {
    if (!Array.isArray(patch)) throw badRequest('a JSON patch is an array of operations');
    return applyJsonPatch(target, patch);
  }
  throw unsupportedMediaType([JSON_PATCH, MERGE, APPLY]);
}

/** RFC 6902, all operations or none; an operation that does not fit is a 422. */
export function applyJsonPatch<T extends object>(target: T, operations: jsonpatch.Operation[]): T {
  try {
    return jsonpatch.applyPatch(structuredClone(target), structuredClone(operations), true).newDocument;
  } catch (cause) {
    const error = new ApiError(
      422,
      'Invalid',
      'the server rejected our request due to an error in our request',
      {},
    );
    error.cause = cause;
    throw error;
  }
}

/** RFC 7386: null removes, objects merge, anything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** Whether two objects say the same, resourceVersion aside. */
export function sameContent(a: { metadata: object }, b: { metadata: object }): boolean {
  const bare = (object: { metadata: object }) => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: undefined },
  });
  return isDeepStrictEqual(bare(a), bare(b));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
