import { ApiException } from '@kubernetes/client-node';
import { exitCodes, Failure } from '../errors.ts';

const HTTP_NOT_FOUND = 404;
const HTTP_CONFLICT = 409;
const HTTP_UNPROCESSABLE = 422;

/** Whether the API server answered that there is no such object. */
export function isNotFound(error: unknown): error is ApiException<unknown> {
  return error instanceof ApiException && error.code === HTTP_NOT_FOUND;
}

/** Whether it answered that the object is there already, or is another one than was meant. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiException && error.code === HTTP_CONFLICT;
}

/** Whether a `test` of a JSON patch found another value (or, which looks the same, the result is not valid). */
export function isUnprocessable(error: unknown): boolean {
  return error instanceof ApiException && error.code === HTTP_UNPROCESSABLE;
}

/** One sentence for a failed call. `intent` completes "the webhook could not ...", as in "read StatefulSet a/b". */
export function apiFailure(error: unknown, intent: string): Failure {
  const sentence = `the webhook could not ${intent}`;
  if (!(error instanceof ApiException)) {
    const why = error instanceof Error ? rootCause(error).message : String(error);
    return new Failure(exitCodes.unavailable, `${sentence}: ${why}`, { cause: error });
  }
  const forbidden = error.code === 401 || error.code === 403;
  const hint = forbidden ? ': is its ClusterRole bound?' : '';
  const exitCode = forbidden ? exitCodes.forbidden : exitCodes.unavailable;
  const said = statusMessage(error.body);
  return new Failure(exitCode, `${sentence}: HTTP ${error.code} from the Kubernetes API${said}${hint}`, {
    cause: error,
  });
}

/** The server's own words, of its Status; client-node leaves it as the text that came. */
function statusMessage(body: unknown): string {
  try {
    const { message } = (typeof body === 'string' ? JSON.parse(body) : body) as { message?: unknown };
    return typeof message === 'string' ? ` (${message.slice(0, 300)})` : '';
  } catch {
    return '';
  }
}

/** fetch only says "fetch failed"; what happened is below. */
function rootCause(error: Error): Error {
  let root = error;
  for (let depth = 0; depth < 5 && root.cause instanceof Error; depth += 1) root = root.cause;
  return root;
}

/** Makes a call; what it throws becomes a Failure that says what was intended. */
export async function attempt<T>(intent: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw apiFailure(error, intent);
  }
}
