/** One call of a webhook: HTTPS, trusted by its caBundle alone, bounded by its timeout. */
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import { isRecord } from './patch.ts';
import type { Webhook } from './webhooks.ts';

/** The `response` of an AdmissionReview. */
export type ReviewResponse = {
  uid: string;
  allowed: boolean;
  patch?: string;
  patchType?: string;
  warnings?: string[];
  auditAnnotations?: Record<string, string>;
  status?: { code?: number; reason?: string; message?: string };
};

/** kube-apiserver's own default. */
const TIMEOUT_SECONDS = 10;

/** Sends a review and gives back its response; anything but a proper one is an error with a sentence. */
export async function postReview(
  { clientConfig, timeoutSeconds = TIMEOUT_SECONDS }: Webhook,
  { uid, body }: { uid: string; body: object },
): Promise<ReviewResponse> {
  if (!clientConfig.url) throw new Error('clientConfig.url is missing');
  const url = new URL(clientConfig.url);
  url.searchParams.set('timeout', `${timeoutSeconds}s`);
  try {
    const ca = Buffer.from(clientConfig.caBundle ?? '', 'base64').toString();
    const answer = await post(url, ca, JSON.stringify(body), timeoutSeconds * 1000);
    return readResponse(answer, uid);
  } catch (cause) {
    throw new Error(`failed to call webhook: Post "${url}": ${(cause as Error).message}`, { cause });
  }
}

async function post(url: URL, ca: string, body: string, timeoutMs: number): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const call = request(url, { method: 'POST', ca, headers, signal, agent: false }, (response) => {
      const answer = json(response);
      if (response.statusCode === 200) resolve(answer);
      else answer.finally(() => reject(new Error(`status ${response.statusCode}`))).catch(reject);
    });
    call.on('error', () =>
      reject(signal.aborted ? new Error('context deadline exceeded') : (call.errored ?? new Error('failed'))),
    );
    call.end(body);
  });
}

function readResponse(answer: unknown, uid: string): ReviewResponse {
  if (!isRecord(answer) || answer.kind !== 'AdmissionReview' || answer.apiVersion !== 'admission.k8s.io/v1')
    throw new Error('the answer is no AdmissionReview of admission.k8s.io/v1');
  const { response } = answer;
  if (!isRecord(response)) throw new Error('webhook response was absent');
  if (response.uid !== uid) throw new Error(`expected response.uid="${uid}"`);
  if (response.patch && response.patchType !== 'JSONPatch') throw new Error('unknown patchType');
  return response as ReviewResponse;
}
