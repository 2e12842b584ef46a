/**
 * A client for the Kubernetes API of one pod: node:https alone, since the updater starts before every redis
 * and loading a whole client library would cost it more time than all of its work.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import type { TLSSocket } from 'node:tls';

export type ApiServer = {
  host: string;
  port: number;
  /** Read again for each request: the kubelet renews the file. */
  readToken: () => Promise<string>;
  /** PEM of the CA that signed the API server's certificate. */
  readCa: () => Promise<string>;
  /** Until the caller gives up; no attempt lasts much longer. */
  millisecondsLeft: () => number;
};

export type ApiRequest = {
  method: 'GET' | 'PATCH';
  path: string;
  /** A JSON merge patch (RFC 7386). */
  mergePatch?: unknown;
};

export type ApiResponse = {
  status: number;
  /** The parsed JSON of a 2xx; undefined otherwise. */
  body: unknown;
  /** The server's own words, of a Status object, when it says no. */
  message: string;
  /** Seconds to wait before the next attempt, as the server asks; undefined where it does not. */
  retryAfterSeconds: number | undefined;
};

/** No answer at all: refused, reset, timed out, untrusted, cut, or not JSON. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
}

/** What answered is not the API server of this cluster: its certificate is not trusted, or it speaks no JSON. */
export class NotTheApi extends NoAnswer {}

/** More than this program's memory is sure to hold; it was not read to its end. */
export class AnswerTooLarge extends NoAnswer {}

/** One attempt, from name lookup to the last byte. A list page of 250 pods takes a fraction of a second. */
const ATTEMPT_TIMEOUT_MS = 15_000;
/** What an attempt gets at the deadline: one must always be possible, to take back what was written. */
const LAST_ATTEMPT_MS = 1_000;
/**
 * Bytes, chunks, text and objects of an answer are in memory together. Measured with the memory that the webhook
 * grants at least, 64 Mi: 8 MB still fit, 10 MB are killed; 4 MB fit into 40 Mi. A ConfigMap has 1 MiB at most.
 */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

export type HttpClient = {
  send(request: ApiRequest): Promise<ApiResponse>;
  close(): void;
};

/** The client keeps its connection between requests. `send` rejects with `NoAnswer` only. */
export function createHttpClient(server: ApiServer): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    close: () => agent.destroy(),
    send: async (apiRequest) => {
      try {
        const { host, port } = server;
        const [token, ca] = await Promise.all([server.readToken(), server.readCa()]);
        const left = Math.max(LAST_ATTEMPT_MS, Math.ceil(server.millisecondsLeft()));
        const timeoutMs = Math.min(ATTEMPT_TIMEOUT_MS, left);
        return await exchange(apiRequest, { agent, ca, host, port }, token.trim(), timeoutMs);
      } catch (cause) {
        if (cause instanceof NoAnswer) throw cause;
        throw new NoAnswer((cause as Error).message, { cause });
      }
    },
  };
}

function exchange(
  { method, path, mergePatch }: ApiRequest,
  connection: RequestOptions,
  token: string,
  timeoutMs: number,
): Promise<ApiResponse> {
  const payload = mergePatch === undefined ? undefined : JSON.stringify(mergePatch);
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'user-agent': 'redis-ip-updater',
    ...(payload && {
      'content-type': 'application/merge-patch+json',
      'content-length': Buffer.byteLength(payload),
    }),
  };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const outgoing = request({ ...connection, method, path, headers, signal }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > BODY_LIMIT_BYTES)
          outgoing.destroy(new AnswerTooLarge(`an answer over ${BODY_LIMIT_BYTES} bytes`));
      });
      response.on('error', fail);
      response.on('end', () => {
        const { statusCode = 0, headers } = response;
        const text = Buffer.concat(chunks).toString('utf8');
        try {
          resolve({
            status: statusCode,
            ...readBody(statusCode, text),
            retryAfterSeconds: retryAfter(headers),
          });
        } catch (error) {
          reject(error);
        }
      });
    });
    outgoing.on('error', fail);
    outgoing.end(payload);

    function fail(error: Error): void {
      const isUntrusted = Boolean((outgoing.socket as TLSSocket | null)?.authorizationError);
      if (signal.aborted) reject(new NoAnswer(`no answer within ${Math.round(timeoutMs / 100) / 10} s`));
      else reject(isUntrusted ? new NotTheApi(error.message, { cause: error }) : error);
    }
  });
}

function readBody(status: number, text: string): Pick<ApiResponse, 'body' | 'message'> {
  const parsed = parseJson(text);
  if (status >= 200 && status < 300) {
    if (parsed === undefined) throw new NotTheApi(`status ${status} with a body that is not JSON`);
    return { body: parsed, message: '' };
  }
  const { message } = (parsed ?? {}) as { message?: unknown };
  return { body: undefined, message: typeof message === 'string' ? message.slice(0, 300) : '' };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * RFC 9110, 10.2.3: the API server sends seconds; a gateway before it may send a date, which counts from the
 * date of the same answer, whatever our own clock says.
 */
function retryAfter(headers: IncomingHttpHeaders): number | undefined {
  const header = headers['retry-after'];
  if (header === undefined) return undefined;
  const seconds = /^\d+$/.test(header)
    ? Number(header)
    : (Date.parse(header) - Date.parse(headers.date ?? '')) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
