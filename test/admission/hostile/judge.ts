/** What must hold of every answer of the webhook, whatever it was sent. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import type { Patch } from '../../../src/admission/patch.ts';
import { reasons } from '../../../src/admission/reasons.ts';
import { applied } from '../fixture.ts';
import type { Json } from './mutations.ts';

export type Reply = { status: number; body: string };

/** In a warning, the API server drops the whole for one of these; nowhere do they belong. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
/** Of a warning, as kube-apiserver cuts it; of a message, well within the 1024 of an Event. */
const WARNING_MAX_CHARACTERS = 120;
const MESSAGE_MAX_CHARACTERS = 800;
const LOG_LINE_MAX_CHARACTERS = 4096;

/** HTTP 400 and a Status with a short sentence: the kind of answer for what is no review. */
export function assertUnreadable({ status, body }: Reply): void {
  strictEqual(status, 400);
  const { kind, code, message } = JSON.parse(body);
  deepStrictEqual([kind, code], ['Status', 400]);
  assertShort(message, 400);
}

/** A response to `review` that an API server can use. Gives the reason and the pod as it would be created. */
export function assertReview(
  { status, body }: Reply,
  review: Json,
): { reason: string; pod: Json; patch: Patch } {
  strictEqual(status, 200);
  const { apiVersion, kind, response } = JSON.parse(body);
  const { request } = review as { request: { uid: string; object: Json } };
  deepStrictEqual([apiVersion, kind, response.uid], ['admission.k8s.io/v1', 'AdmissionReview', request.uid]);
  const { outcome, reason } = response.auditAnnotations;
  deepStrictEqual(Object.keys(response.auditAnnotations), ['outcome', 'reason']);
  strictEqual(outcome, reasons[reason as keyof typeof reasons].outcome, 'audit annotations are known words');
  ok(reason !== 'internal-error', 'no exception');
  strictEqual(response.allowed, outcome === 'injected' || outcome === 'skipped');
  for (const warning of response.warnings ?? []) assertShort(warning, WARNING_MAX_CHARACTERS);
  if (!response.allowed) assertShort(response.status.message, MESSAGE_MAX_CHARACTERS);
  strictEqual(response.patch !== undefined, outcome === 'injected');
  if (response.patch === undefined) return { reason, pod: request.object, patch: [] };
  const patch: Patch = JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8'));
  ok(patch.every(({ op }) => op === 'add'));
  const pod = applied(request.object, patch);
  assertKept(request.object, pod, '');
  return { reason, pod, patch };
}

/** One JSON object on one line each, as long as a person can read. */
export function assertLog(lines: string): void {
  for (const line of lines.split('\n').slice(0, -1)) {
    ok(line.length <= LOG_LINE_MAX_CHARACTERS, `a log line of ${line.length} characters`);
    ok(typeof JSON.parse(line).msg === 'string');
  }
  ok(lines.endsWith('\n'));
}

/** No prototype has more members than it had when this file was loaded. */
export function assertNoPollution(): void {
  deepStrictEqual(prototypes.map(membersOf), before);
}
const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype];
const membersOf = (prototype: object) => Reflect.ownKeys(prototype).length;
const before = prototypes.map(membersOf);

export function assertShort(sentence: string, length: number): void {
  ok(sentence.length <= length, `${sentence.length} characters: ${sentence.slice(0, 200)}`);
  ok(!HIDDEN.test(sentence), `hidden characters in ${JSON.stringify(sentence)}`);
}

/** The pod's own members that we set, and null, which counts as absent. */
const OURS = new Set([
  '/spec/serviceAccountName',
  '/spec/serviceAccount',
  '/metadata/labels/redis-ip-updater.io/injected',
  '/metadata/annotations/redis-ip-updater.io/status',
]);

/** All of `was` is in `is`: members as they were, elements in their order, before or after what was added. */
function assertKept(was: Json, is: Json | undefined, path: string): void {
  if (was === null || OURS.has(path)) return;
  if (Array.isArray(was)) {
    ok(Array.isArray(is), path);
    const added = is.length - was.length;
    const isSame = (from: number) =>
      JSON.stringify(is.slice(from, from + was.length)) === JSON.stringify(was);
    ok(isSame(0) || isSame(added), `${path} keeps its elements`);
  } else if (typeof was === 'object') {
    ok(typeof is === 'object' && is !== null && !Array.isArray(is), path);
    for (const [key, value] of Object.entries(was)) {
      ok(Object.hasOwn(is, key), `${path}/${key} is kept`);
      assertKept(value, Object.getOwnPropertyDescriptor(is, key)?.value, `${path}/${key}`);
    }
  } else strictEqual(is, was, path);
}
