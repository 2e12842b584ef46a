import { STATUS_CODES } from 'node:http';

/** A Kubernetes Status: the API server puts its message into the error that its own client sees. */
export function statusBody(code: number, message: string): object {
  const reason = (STATUS_CODES[code] ?? 'Error').replaceAll(' ', '');
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}
