import type { FastifyError, FastifyPluginAsync } from 'fastify';
import { type AdmissionPorts, type Answer, handle } from '../admission/handle.ts';
import type { Updater } from '../admission/init-container.ts';
import { readJson } from './json-body.ts';
import { statusBody } from './status-body.ts';

/** An answer; or a bug of ours that left us without one, so that not even the uid is known. */
export type Observed = Answer | { kind: 'crashed'; error: unknown };

export type AppOptions = {
  ports: AdmissionPorts;
  updater: Updater;
  /** Told of every answered request, with the seconds it took. */
  observe(answer: Observed, seconds: number): void;
  /** While true, each connection is closed after its response, so that the next request goes elsewhere. */
  isDraining(): boolean;
};

/** The webhook: POST /mutate takes an AdmissionReview and answers with one. */
export const app: FastifyPluginAsync<AppOptions> = async (server, options) => {
  const { ports, updater, observe, isDraining } = options;

  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_: unknown, bytes: Buffer) => bytes,
  );

  server.addHook('onSend', async (_, reply) => {
    if (isDraining()) reply.header('connection', 'close');
  });

  server.post<{ Body: Buffer }>('/mutate', async ({ body }, reply) => {
    const startedAt = performance.now();
    const json = readJson(body ?? Buffer.alloc(0));
    const answer = json.kind === 'json' ? await handle(json.value, ports, updater) : json;
    observe(answer, (performance.now() - startedAt) / 1000);
    if (answer.kind === 'answered') return answer.response;
    return reply.code(400).send(statusBody(400, answer.sentence));
  });

  server.setNotFoundHandler((_, reply) =>
    reply.code(404).send(statusBody(404, 'There is POST /mutate only.')),
  );

  // What fastify itself refuses (413, 415, a broken body) never reaches the handler.
  server.setErrorHandler((error: FastifyError, _, reply) => {
    const code = error.statusCode ?? 500;
    const sentence = code < 500 ? error.message : 'redis-ip-updater failed on this request: see its log.';
    observe(code < 500 ? { kind: 'unreadable', sentence } : { kind: 'crashed', error }, 0);
    return reply.code(code).send(statusBody(code, sentence));
  });
};
