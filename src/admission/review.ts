import { Compile } from 'typebox/compile';
import { excerpt } from '../excerpt.ts';
import { AdmissionReview, type Pod } from './shapes.ts';

/** What is asked: may this pod be created, and how should it look? */
export type AdmissionRequest = {
  kind: 'request';
  apiVersion: string;
  uid: string;
  namespace: string;
  pod: Pod;
};

/** Not a question that we can answer; the sentence says why. It becomes HTTP 400, never an empty allow. */
export type UnreadableReview = { kind: 'unreadable'; sentence: string };

const validator = Compile(AdmissionReview);

/**
 * Reads an AdmissionReview v1 that asks about the creation of a pod: the only rule that our webhook
 * configuration has, so anything else means that somebody else calls, or that the configuration is wrong.
 */
export function decodeReview(body: unknown): AdmissionRequest | UnreadableReview {
  if (!validator.Check(body)) return { kind: 'unreadable', sentence: firstFault(body) };
  const { uid, namespace, object } = body.request;
  return { kind: 'request', apiVersion: body.apiVersion, uid, namespace, pod: object };
}

/** The deepest fault: the outer ones only say that no alternative of a nullable field fits. */
function firstFault(body: unknown): string {
  const [first, ...others] = validator.Errors(body);
  if (!first) return 'This is not an AdmissionReview of a pod CREATE.';
  const depth = (path: string) => path.split('/').length;
  const deepest = others.reduce((a, b) => (depth(b.instancePath) > depth(a.instancePath) ? b : a), first);
  const where = deepest.instancePath === '' ? 'the body' : excerpt(deepest.instancePath.slice(1), 120);
  const allowed = 'allowedValue' in deepest.params ? ` ${JSON.stringify(deepest.params.allowedValue)}` : '';
  return `This is not an AdmissionReview v1 of a pod CREATE: ${where} ${deepest.message}${allowed}.`;
}
