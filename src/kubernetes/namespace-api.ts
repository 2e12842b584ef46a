/**
 * What an updater asks of the Kubernetes API, one method per intent, on the tiny client. Each call is one
 * attempt: it resolves, or rejects with `ApiError`. When to try again is the caller's business.
 */
import { type ApiPod, type Pod, podFromApi } from '../addresses/pod.ts';
import { NODES_CONFIG_MAP } from '../names.ts';
import type { ApiRequest, ApiResponse, HttpClient, NoAnswer } from './http-client.ts';

export type NamespaceApi = {
  /** Every pod of the namespace: a consistent read, all pages of one snapshot. */
  listPods(): Promise<Pod[]>;
  /** The IPs that our own pod shows; empty until the kubelet has published them. */
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

  constructor(message: string, { resource, status, retryAfterSeconds, cause }: ApiErrorDetails) {
    super(message, { cause });
    this.resource = resource;
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

type ApiErrorDetails = {
  resource: ApiError['resource'];
  status: number;
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
};

/** Pods a page: some 2 MB of JSON at a time, whatever the size of the namespace. */
const PAGE_LIMIT = 250;
/** A list that keeps expiring while it is read starts over a few times, then counts as a failed attempt. */
const EXPIRED_LISTS_AT_MOST = 3;

type PodList = { items?: ApiPod[]; metadata?: { continue?: string } };
type ConfigMap = { data?: Record<string, string> };

/** The API for the updater of one pod. */
export function createNamespaceApi(client: HttpClient, namespace: string, podName: string): NamespaceApi {
  const root = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  const mapPath = `${root}/configmaps/${NODES_CONFIG_MAP}`;
  return {
    listPods: () => listPods(client, `${root}/pods`),
    ownIps: async () => {
      const pod = await get<ApiPod>(client, `${root}/pods/${encodeURIComponent(podName)}`);
      return podFromApi(pod).ips;
    },
    readMap: async () => (await get<ConfigMap>(client, mapPath)).data ?? {},
    writeOwnEntry: async (id) => {
      const mergePatch = { data: { [podName]: id } };
      const response = await attempt(client, { method: 'PATCH', path: mapPath, mergePatch });
      return (response.body as ConfigMap).data ?? {};
    },
  };
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
  let next: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(PAGE_LIMIT), ...(next && { continue: next }) });
    const page = await get<PodList>(client, `${path}?${query}`);
    if (!Array.isArray(page.items)) {
      throw new ApiError('the answer is no list of pods', { resource: 'pods', status: 0 });
    }
    pods.push(...page.items.map(podFromApi));
    next = page.metadata?.continue;
  } while (next);
  return pods;
}

async function get<Body>(client: HttpClient, path: string): Promise<Body> {
  const { body } = await attempt(client, { method: 'GET', path });
  if (typeof body !== 'object' || body === null) {
    throw new ApiError('the answer is no object', { resource: resourceOf(path), status: 0 });
  }
  return body as Body;
}

async function attempt(client: HttpClient, request: ApiRequest): Promise<ApiResponse> {
  const resource = resourceOf(request.path);
  const what = `${request.method} ${request.path.replace(/\?.*/, '')}`;
  const response = await client.send(request).catch((cause: NoAnswer) => {
    throw new ApiError(`${what}: ${cause.message}`, { resource, status: 0, cause });
  });
  const { status, message, retryAfterSeconds } = response;
  if (status >= 200 && status < 300) return response;
  const said = message ? ` (${message})` : '';
  throw new ApiError(`${what}: status ${status}${said}`, { resource, status, retryAfterSeconds });
}

function resourceOf(path: string): ApiError['resource'] {
  return /^\/api\/v1\/namespaces\/[^/]+\/configmaps/.test(path) ? 'configmaps' : 'pods';
}
