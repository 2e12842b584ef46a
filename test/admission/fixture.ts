import { existsSync, readdirSync, readFileSync } from 'node:fs';
import jsonPatch from 'fast-json-patch';
import { type AdmissionPorts, type Answer, handle } from '../../src/admission/handle.ts';
import type { Patch } from '../../src/admission/patch.ts';

/** The webhook's configuration in all fixtures. */
export const updater = {
  image: 'redis-ip-updater:1.2.3',
  imagePullPolicy: undefined,
  imagePullSecrets: [],
  version: '1.2.3',
};

const root = new URL('../fixtures/admission/', import.meta.url);
export const fixtureNames = readdirSync(root).sort();

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Review = { request: { uid: string; object: Record<string, Json> } & Record<string, Json> };

/** One file of a fixture; undefined if the fixture has none of that name. */
export function readFixture<T>(name: string, file: string): T | undefined {
  const path = new URL(`${name}/${file}`, root);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/** Ports that answer from the fixture's files; LimitRanges may only be asked for where there is a file. */
export function fixturePorts(name: string): AdmissionPorts {
  return {
    findStatefulSet: async () => readFixture(name, 'statefulset.json'),
    listLimitRanges: async () => {
      const limitRanges = readFixture<never[]>(name, 'limitranges.json');
      if (!limitRanges) throw new Error('LimitRanges were listed, but memory is not raised');
      return limitRanges;
    },
  };
}

/** The answer to a review that can be read, and the response in it without its patch. */
export async function admit(review: unknown, ports: AdmissionPorts) {
  const answer = await handle(review, ports, updater);
  if (answer.kind !== 'answered') throw new Error(answer.sentence);
  if (answer.error) throw answer.error;
  return { reason: answer.outcome.finding.reason, ...open(answer) };
}

type Response = { uid: string; patchType?: string; patch?: string; warnings?: string[] } & Record<
  string,
  Json
>;

/** Takes a response apart as the API server does: the patch is base64 of JSON. */
export function open(answer: Extract<Answer, { kind: 'answered' }>): {
  response: Json;
  patch: Patch | undefined;
} {
  const { patch, ...response } = (answer.response as { response: Response }).response;
  return {
    response: response as Json,
    patch: patch === undefined ? undefined : JSON.parse(Buffer.from(patch, 'base64').toString('utf8')),
  };
}

/** The pod with the patch applied, validated as RFC 6902 wants it; the arguments stay as they are. */
export function applied<T>(pod: T, patch: Patch): T {
  const copy: T = JSON.parse(JSON.stringify(pod));
  return jsonPatch.applyPatch(copy, JSON.parse(JSON.stringify(patch)), true).newDocument;
}
