/** The body of a write: JSON, of bounded size, in a media type that the verb takes. */
import type { IncomingMessage } from 'node:http';
import type { Verb } from './request-info.ts';
import { ApiError, badRequest, unsupportedMediaType } from './status.ts';

/** kube-apiserver's own limit. */
const LIMIT_BYTES = 3 * 1024 * 1024;

/** The parsed body, `undefined` where a DELETE has none. The media types of a PATCH are judged by whoever applies it. */
export async function readBody(request: IncomingMessage, verb: Verb): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMIT_BYTES) throw new ApiError(413, 'RequestEntityTooLarge', `limit is ${LIMIT_BYTES}`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  if (!text && verb.startsWith('delete')) return undefined;
  const [mediaType = ''] = (request.headers['content-type'] ?? 'application/json').split(';');
  if (verb !== 'patch' && mediaType.trim() !== 'application/json')
    throw unsupportedMediaType(['application/json']);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badRequest(`the body is no JSON: ${(cause as Error).message}`);
  }
}
