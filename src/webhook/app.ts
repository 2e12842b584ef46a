import type { FastifyError, FastifyPluginAsync, FastifyRequest, RequestPayload } from 'fastify';
import { type AdmissionPorts, type Answer, handle } from '../admission/handle.ts';
import type { Updater } from '../admission/init-container.ts';
import { CLIENT_LEFT, type Share } from './intake.ts';
import { readJson } from './json-body.ts';
import { statusBody } from './status-body.ts';

/**
 * An answer; or why there is none: more requests than we can hold, a bug of ours. Then not even the uid is known.
 */
export type Observed =
  | Answer
  | { kind: 'overloaded'; sentence: string }
  | { kind: 'crashed'; error: unknown };

export type AppOptions = {
  ports: AdmissionPorts;
  updater: Updater;
  intake: { open(): Share };
  /** Told of every answered request, with the seconds it took. */
  observe(answer: Observed, seconds: number): void;
  /** While true, each connection is closed after its response, so that the next request goes elsewhere. */
  isDraining(): boolean;
};

declare module 'fastify' {
  interface FastifyRequest {
    /** What a review holds of the intake; undefined for requests of other kinds. */
    share: Share | undefined;
  }
}

/** An API server that gets 429 or 5xx with this header tries again by itself, as long as its time lasts. */
const RETRY_AFTER_SECONDS = 1;

/** The webhook: POST /mutate takes an AdmissionReview and answers with one. */
export const app: FastifyPluginAsync<AppOptions> = async (server, options) => {
  const { ports, updater, intake, observe, isDraining } = options;

  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_: unknown, bytes: Buffer) => bytes,
  );

  server.addHook('onSend', async (_, reply) => {
    if (isDraining()) reply.header('connection', 'close');
  });

  server.decorateRequest('share');

  async function openShare(request: FastifyRequest): Promise<void> {
    const share = intake.open();
    request.share = share;
    // A closed connection ends all that are being sent or wait, also those that were sent ahead.
    request.raw.socket.setMaxListeners(0).once('close', share.leave);
  }

  async function receive(request: FastifyRequest, _: unknown, payload: RequestPayload) {
    return request.share?.receive(payload);
  }

  async function closeShare({ share, raw }: FastifyRequest): Promise<void> {
    if (!share) return;
    raw.socket.off('close', share.leave);
    share.close();
  }

  const hooks = { onRequest: openShare, preParsing: receive, onSend: closeShare };
  server.post<{ Body: Buffer }>('/mutate', hooks, async ({ body, share }, reply) => {
    const startedAt = performance.now();
    await share?.turn();
    try {
      const json = readJson(body ?? Buffer.alloc(0));
      const answer = json.kind === 'json' ? await handle(json.value, ports, updater) : json;
      observe(answer, (performance.now() - startedAt) / 1000);
      if (answer.kind === 'answered') return answer.response;
      return reply.code(400).send(statusBody(400, answer.sentence));
    } finally {
      share?.close();
    }
  });

  server.setNotFoundHandler((_, reply) =>
    reply.code(404).send(statusBody(404, 'There is POST /mutate only.')),
  );

  // What is refused before it is handled: by the intake (408, 429) and by fastify (413, 415, a broken body).
  server.setErrorHandler((error: FastifyError, _, reply) => {
    const code = error.statusCode ?? 500;
    const sentence = code < 500 ? error.message : 'redis-ip-updater failed on this request: see its log.';
    if (code !== CLIENT_LEFT) observe(refusal(code, sentence, error), 0);
    if (code === 429) {
      reply.header('retry-after', RETRY_AFTER_SECONDS);
      // Fastify closes the connection after a body that was not taken; who is still sending would not read the answer.
      reply.header('connection', 'keep-alive');
    }
    return reply.code(code).send(statusBody(code, sentence));
  });
};

function refusal(code: number, sentence: string, error: unknown): Observed {
  if (code === 429) return { kind: 'overloaded', sentence };
  return code < 500 ? { kind: 'unreadable', sentence } : { kind: 'crashed', error };
}
