/**
 * What an updater asks of the Kubernetes API, one method per intent, on the tiny client. Each call is one
 * attempt: it resolves, or rejects with `ApiError`. When to try again is the caller's business.
 */
import { type ApiPod, type Pod, podFromApi } from '../addresses/pod.ts';
import { NODES_CONFIG_MAP } from '../names.ts';
import { AnswerTooLarge, type ApiRequest, type HttpClient, type NoAnswer, NotTheApi } from './http-client.ts';

export type NamespaceApi = {
  /** Every pod of the namespace: a consistent read, all pages of one snapshot. */
  listPods(): Promise<Pod[]>;
  /** The IPs that our own pod shows; empty until the kubelet has published them, and once the pod is deleted. */
  ownIps(): Promise<readonly string[]>;
  /** `data` of the ConfigMap. */
  readMap(): Promise<Record<string, string>>;
  /** Sets our key (null removes it) and gives `data` as it is after that. */
  writeOwnEntry(id: string | null): Promise<Record<string, string>>;
};

export class ApiError extends Error {
  override name = 'ApiError';
  /** What was asked for. */
  readonly resource: 'pods' | 'configmaps';
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  /** What answered does not behave like an API server: something stands in between. */
  readonly isForeign: boolean;

  constructor(message: string, details: ApiErrorDetails) {
    super(message, { cause: details.cause });
    this.resource = details.resource;
    this.status = details.status;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.isForeign = details.isForeign ?? false;
  }
}

type ApiErrorDetails = {
  resource: ApiError['resource'];
  status: number;
  retryAfterSeconds?: number | undefined;
  isForeign?: boolean;
  cause?: unknown;
};

/** Pods a page: some 2 MB of JSON at a time, whatever the size of the namespace. */
const PAGE_LIMIT = 250;
/** Pods that are too large for one page are asked for in pages of a fifth. */
const PAGE_DIVISOR = 5;
/** A list that keeps expiring while it is read starts over a few times, then counts as a failed attempt. */
const EXPIRED_LISTS_AT_MOST = 3;

type Kind = 'Pod' | 'PodList' | 'ConfigMap';
type PodList = { items?: ApiPod[]; metadata?: { continue?: string } };
type ConfigMap = { data?: Record<string, string> };

/** The API for the updater of one pod. */
export function createNamespaceApi(client: HttpClient, namespace: string, podName: string): NamespaceApi {
  const root = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  const mapPath = `${root}/configmaps/${NODES_CONFIG_MAP}`;
  return {
    listPods: () => listPods(client, `${root}/pods`),
    ownIps: async () => {
      const path = `${root}/pods/${encodeURIComponent(podName)}`;
      const pod = await attempt<ApiPod>(client, { method: 'GET', path }, 'Pod').catch(unlessGone);
      return pod ? podFromApi(pod).ips : [];
    },
    readMap: () => map(client, { method: 'GET', path: mapPath }),
    writeOwnEntry: (id) =>
      map(client, { method: 'PATCH', path: mapPath, mergePatch: { data: { [podName]: id } } }),
  };
}

function unlessGone(error: ApiError): undefined {
  if (error.status !== 404) throw error;
}

async function map(client: HttpClient, request: ApiRequest): Promise<Record<string, string>> {
  return (await attempt<ConfigMap>(client, request, 'ConfigMap')).data ?? {};
}

/** Without a resourceVersion the first page is a consistent read, and the others are of its snapshot. */
async function listPods(client: HttpClient, path: string): Promise<Pod[]> {
  for (let expired = 0; ; expired += 1) {
    try {
      return await listAllPages(client, path);
    } catch (error) {
      const isExpired = error instanceof ApiError && error.status === 410;
      if (!isExpired || expired === EXPIRED_LISTS_AT_MOST) throw error;
    }
  }
}

async function listAllPages(client: HttpClient, path: string): Promise<Pod[]> {
  const pods: Pod[] = [];
  let limit = PAGE_LIMIT;
  let next: string | undefined;
  for (;;) {
    const query = new URLSearchParams({ limit: String(limit), ...(next && { continue: next }) });
    const request = { method: 'GET', path: `${path}?${query}` } as const;
    const page = await attempt<PodList>(client, request, 'PodList').catch((error: ApiError) => {
      if (!(error.cause instanceof AnswerTooLarge) || limit < PAGE_DIVISOR) throw error;
      return undefined;
    });
    if (!page) {
      limit = Math.floor(limit / PAGE_DIVISOR);
      continue;
    }
    pods.push(...(page.items ?? []).map(podFromApi));
    next = page.metadata?.continue;
    if (!next) return pods;
  }
}

async function attempt<Body extends object>(
  client: HttpClient,
  request: ApiRequest,
  kind: Kind,
): Promise<Body> {
  const resource = kind === 'ConfigMap' ? 'configmaps' : 'pods';
  const what = `${request.method} ${request.path.replace(/\?.*/, '')}`;
  const response = await client.send(request).catch((cause: NoAnswer) => {
    // Of pages as small as they get, too: the API server stores no object of that size.
    const isForeign = cause instanceof NotTheApi || cause instanceof AnswerTooLarge;
    throw new ApiError(`${what}: ${cause.message}`, { resource, status: 0, isForeign, cause });
  });
  const { status, message, retryAfterSeconds } = response;
  if (status < 200 || status >= 300) {
    const said = message ? ` (${message})` : '';
    // The API server redirects nobody.
    const isForeign = status >= 300 && status < 400;
    throw new ApiError(`${what}: status ${status}${said}`, {
      resource,
      status,
      retryAfterSeconds,
      isForeign,
    });
  }
  const body = response.body as (Body & { kind?: unknown }) | null;
  if (body?.kind !== kind)
    throw new ApiError(`${what}: the answer is no ${kind}`, { resource, status: 0, isForeign: true });
  return body;
}
