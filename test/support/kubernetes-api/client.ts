/** A client of a Kubernetes API: requests, and lists that stay up to date. Used by the stand-ins and the tests. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { ApiError, type StatusBody } from './status.ts';

export type Connection = { url: string; ca: string; token: string };
export type Answer<T> = { code: number; headers: IncomingHttpHeaders; body: T };
export type WatchEvent<T> = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'; object: T };
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Sent = { body?: unknown; contentType?: string };

export class Client {
  readonly #connection: Connection;
  readonly #agent: Agent;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#agent = new Agent({ keepAlive: true, ca: connection.ca });
  }

  /** Sends a request and gives back whatever is answered, refusals included. */
  async ask<T = StatusBody>(method: Method, path: string, sent: Sent = {}): Promise<Answer<T>> {
    const response = await this.#open(method, path, sent);
    const content = await text(response);
    const isJson = response.headers['content-type']?.startsWith('application/json');
    const body = (isJson ? JSON.parse(content) : content) as T;
    return { code: response.statusCode ?? 0, headers: response.headers, body };
  }

  /** The body of a successful answer; anything else is an ApiError. */
  async #expect<T>(method: Method, path: string, sent?: Sent): Promise<T> {
    const { code, body } = await this.ask<T>(method, path, sent);
    if (code < 300) return body;
    const { reason = 'Unknown', message = `${method} ${path}: ${code}`, details } = body as StatusBody;
    throw new ApiError(code, reason, message, details);
  }

  get<T>(path: string): Promise<T> {
    return this.#expect('GET', path);
  }

  create<T>(path: string, body: object): Promise<T> {
    return this.#expect('POST', path, { body });
  }

  merge<T>(path: string, body: object): Promise<T> {
    return this.#expect('PATCH', path, { body, contentType: 'application/merge-patch+json' });
  }

  delete(path: string, options?: object): Promise<unknown> {
    return this.#expect('DELETE', path, options && { body: options });
  }

  /** Watches; ends when the server ends it, or when the signal says so. */
  async *watch<T>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const response = await this.#open('GET', path, {});
    if (response.statusCode !== 200) {
      const { reason = 'Unknown', message = '' } = JSON.parse(await text(response)) as StatusBody;
      throw new ApiError(response.statusCode ?? 0, reason, message);
    }
    const end = () => response.destroy();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    for await (const line of linesOf(response)) yield JSON.parse(line) as WatchEvent<T>;
  }

  close(): void {
    this.#agent.destroy();
  }

  #open(method: Method, path: string, sent: Sent): Promise<IncomingMessage> {
    const { url, token } = this.#connection;
    const body = sent.body === undefined ? undefined : JSON.stringify(sent.body);
    const headers = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': sent.contentType ?? 'application/json' }),
      ...(body && { 'content-length': Buffer.byteLength(body) }),
    };
    return new Promise((resolve, reject) => {
      const options = { method, headers, agent: this.#agent };
      request(new URL(path, url), options, resolve).on('error', reject).end(body);
    });
  }
}

/** The lines of a body, until it ends or its connection breaks: to a watch both are the same. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch {
    // The connection broke: whoever watches lists again.
  }
}
