import { Agent, request as httpsRequest } from 'node:https';

/** An answer of the API server with a status of 400 or more. */
export class ApiError extends Error {
  readonly status: number;

  constructor(what: string, status: number, body: string) {
    super(`${what}: ${status} ${body.slice(0, 1000)}`);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** The few requests that the machinery itself makes; tests of the product use the product's clients. */
export type Api = {
  /** @throws ApiError for a status of 400 or more */
  // biome-ignore lint/suspicious/noExplicitAny: an object of Kubernetes, of which a test reads what it knows of
  request(method: string, path: string, body?: unknown, contentType?: string): Promise<any>;
};

/** A client of one API server with one token. */
export function apiClient(server: { url: string; caPem: string; token: string }): Api {
  const agent = new Agent({ keepAlive: true, ca: server.caPem });
  const headers = { authorization: `Bearer ${server.token}`, accept: 'application/json' };
  return {
    async request(method, path, body, contentType = 'application/json') {
      const { status, text } = await exchange(
        new URL(path, server.url),
        {
          method,
          agent,
          headers: body === undefined ? headers : { ...headers, 'content-type': contentType },
        },
        body === undefined ? undefined : JSON.stringify(body),
      );
      if (status >= 400) throw new ApiError(`${method} ${path}`, status, text);
      return text.startsWith('{') ? JSON.parse(text) : text;
    },
  };
}

function exchange(url: URL, options: object, body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}
