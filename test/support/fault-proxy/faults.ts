/** What a Kubernetes API, or whatever stands before it, can do to a request instead of serving it. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

export type Fault = { name: string } & (
  | {
      /** The server's certificate is not trusted: no request comes. */
      at: 'handshake';
    }
  | {
      /** The API server does not see the request. */
      at: 'request';
      answer(request: IncomingMessage, response: ServerResponse): void;
    }
  | {
      /** The API server did what was asked, and its answer is damaged on the way. */
      at: 'answer';
      damage(answer: IncomingMessage, response: ServerResponse): void;
    }
);

/** What the faults with a Retry-After ask for. */
export const RETRY_AFTER_SECONDS = 2;
const HUGE_BYTES = 50 * 1024 * 1024;
const JSON_TYPE = { 'content-type': 'application/json' };

/** A refusal as the API server words it. */
export function status(code: number, headers: () => OutgoingHttpHeaders = () => ({})): Fault {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message: 'as the test wants' };
  const names = Object.entries(headers()).map(([name, value]) => ` ${name}: ${value}`);
  return {
    name: `${code}${names.join()}`,
    at: 'request',
    answer: (_request, response) =>
      response.writeHead(code, { ...JSON_TYPE, ...headers() }).end(JSON.stringify(body)),
  };
}

export const tooMany = {
  plain: status(429),
  atOnce: status(429, () => ({ 'retry-after': '0' })),
  seconds: status(429, () => ({ 'retry-after': String(RETRY_AFTER_SECONDS) })),
  date: {
    ...status(429, () => ({ 'retry-after': inSeconds(RETRY_AFTER_SECONDS) })),
    name: '429 retry-after: a date',
  },
};

function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toUTCString();
}

/** A 200 that is none. */
function ok(name: string, type: string, body: string): Fault {
  return {
    name,
    at: 'request',
    answer: (_request, response) => response.writeHead(200, { 'content-type': type }).end(body),
  };
}

export const notTheApi = {
  html: ok('200 of HTML', 'text/html', '<html><body>Sign in to the network</body></html>'),
  noJson: ok('200 of no JSON', 'application/json', '\u0000\u0001{"kind":'),
  otherJson: ok('200 of other JSON', 'application/json', '{"status":"ok"}'),
};

/** No token may ever arrive at `url`. */
export function redirect(code: 302 | 307, url: string): Fault {
  return {
    name: `${code} to another server`,
    at: 'request',
    answer: ({ url: path }, response) => response.writeHead(code, { location: `${url}${path}` }).end(),
  };
}

/** A list or a map of 50 MB, as long as it is taken. */
export const huge: Fault = {
  name: 'an answer of 50 MB',
  at: 'request',
  answer: ({ url = '' }, response) => {
    const isMap = url.includes('/configmaps/');
    response.writeHead(200, JSON_TYPE);
    response.write(isMap ? '{"kind":"ConfigMap","data":{"a":"' : '{"kind":"PodList","items":[{"a":"');
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let left = HUGE_BYTES;
    const write = () => {
      while (left > 0 && !response.destroyed) {
        left -= chunk.length;
        if (!response.write(chunk)) return;
      }
      response.end(isMap ? '"}}' : '"}]}');
    };
    response.on('drain', write);
    write();
  },
};

export const resets: Fault = {
  name: 'reset',
  at: 'request',
  answer: ({ socket }) => void socket.destroy(),
};

/** Half of the first part of an answer, of a length that `headers` announces; then `end`. */
function half(name: string, headers: OutgoingHttpHeaders, end: (response: ServerResponse) => void): Fault {
  return {
    name,
    at: 'answer',
    damage: (answer, response) => {
      const { 'content-length': _, 'transfer-encoding': __, ...kept } = answer.headers;
      response.writeHead(answer.statusCode ?? 0, { ...kept, ...headers }).flushHeaders();
      answer.once('data', (chunk: Buffer) => {
        answer.pause();
        response.write(chunk.subarray(0, chunk.length / 2), () => end(response));
      });
    },
  };
}

export const cut = {
  chunk: half('cut in a chunk', {}, (response) => response.socket?.destroy()),
  length: half('less than its Content-Length', { 'content-length': '100000000' }, (response) =>
    response.socket?.end(),
  ),
};

export const hangs = {
  beforeHeaders: { name: 'hangs before its headers', at: 'request', answer: () => {} } as Fault,
  inBody: half('hangs in its body', {}, () => {}),
};

export const untrusted: Fault = { name: 'untrusted certificate', at: 'handshake' };
