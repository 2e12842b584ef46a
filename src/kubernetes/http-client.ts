/**
 * A client for the Kubernetes API of one pod: node:https alone, since the updater starts before every redis
 * and loading a whole client library would cost it more time than all of its work.
 */
import { Agent, type RequestOptions, request } from 'node:https';

export type ApiServer = {
  host: string;
  port: number;
  /** Read again for each request: the kubelet renews the file. */
  readToken: () => Promise<string>;
  /** PEM of the CA that signed the API server's certificate. */
  readCa: () => Promise<string>;
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

/** One attempt, from name lookup to the last byte. A list page of 250 pods takes a fraction of a second. */
const ATTEMPT_TIMEOUT_MS = 15_000;
/** A page of 250 pods at 100 KB each, far more than any we have seen, must still fit. */
const BODY_LIMIT_BYTES = 32 * 1024 * 1024;

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
        const [token, ca] = await Promise.all([server.readToken(), server.readCa()]);
        return await exchange(apiRequest, { agent, ca, host: server.host, port: server.port }, token.trim());
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
    const signal = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS);
    const outgoing = request({ ...connection, method, path, headers, signal }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > BODY_LIMIT_BYTES)
          outgoing.destroy(new NoAnswer(`an answer over ${BODY_LIMIT_BYTES} bytes`));
      });
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0 } = response;
        const text = Buffer.concat(chunks).toString('utf8');
        try {
          resolve({
            status: statusCode,
            ...readBody(statusCode, text),
            retryAfterSeconds: retryAfter(response.headers['retry-after']),
          });
        } catch (error) {
          reject(error);
        }
      });
    });
    outgoing.on('error', (error) =>
      reject(signal.aborted ? new NoAnswer(`no answer within ${ATTEMPT_TIMEOUT_MS / 1000} s`) : error),
    );
    outgoing.end(payload);
  });
}

function readBody(status: number, text: string): Pick<ApiResponse, 'body' | 'message'> {
  const parsed = parseJson(text);
  if (status >= 200 && status < 300) {
    if (parsed === undefined) throw new NoAnswer(`status ${status} with a body that is not JSON`);
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

/** The API server sends whole seconds, never a date. */
function retryAfter(header: string | undefined): number | undefined {
  const seconds = Number(header);
  return header !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}
