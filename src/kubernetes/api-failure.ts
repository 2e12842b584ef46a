import { ApiException } from '@kubernetes/client-node';
import { exitCodes, Failure } from '../errors.ts';

const HTTP_NOT_FOUND = 404;

/** Whether the API server answered that there is no such object. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiException && error.code === HTTP_NOT_FOUND;
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
  return new Failure(exitCode, `${sentence}: HTTP ${error.code} from the Kubernetes API${hint}`, {
    cause: error,
  });
}

/** fetch only says "fetch failed"; what happened is below. */
function rootCause(error: Error): Error {
  let root = error;
  for (let depth = 0; depth < 5 && root.cause instanceof Error; depth += 1) root = root.cause;
  return root;
}
