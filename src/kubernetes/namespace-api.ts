/**
 * What an updater asks of the Kubernetes API, one method per intent, on the tiny client. Each call is one
 * attempt: it resolves, or rejects with `ApiError`. When to try again is the caller's business.
 */
import { type ApiPod, type Pod, podFromApi } from '../addresses/pod.ts';
import { NODES_CONFIG_MAP } from '../names.ts';
import type { ApiResponse, HttpClient, NoAnswer } from './http-client.ts';

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
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, status: number, retryAfterSeconds?: number, options?: { cause: unknown }) {
    super(message, options);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Pods a page: some 2 MB of JSON at a time, whatever the size of the namespace. */
const PAGE_LIMIT = 250;
/** A list that keeps expiring while it is read starts over a few times, then counts as a failed attempt. */
const EXPIRED_LISTS_AT_MOST = 3;

type PodList = { items?: ApiPod[]; metadata?: { continue?: string } };
type ConfigMap = { data?: Record<string, string> };

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
    if (!Array.isArray(page.items)) throw new ApiError('the answer is no list of pods', 0);
    pods.push(...page.items.map(podFromApi));
    next = page.metadata?.continue;
  } while (next);
  return pods;
}

async function get<Body>(client: HttpClient, path: string): Promise<Body> {
  const { body } = await attempt(client, { method: 'GET', path });
  if (typeof body !== 'object' || body === null) throw new ApiError('the answer is no object', 0);
  return body as Body;
}

async function attempt(client: HttpClient, request: Parameters<HttpClient['send']>[0]): Promise<ApiResponse> {
  const what = `${request.method} ${request.path.replace(/\?.*/, '')}`;
  const response = await client.send(request).catch((cause: NoAnswer) => {
    throw new ApiError(`${what}: ${cause.message}`, 0, undefined, { cause });
  });
  if (response.status >= 200 && response.status < 300) return response;
  const said = response.message ? ` (${response.message})` : '';
  throw new ApiError(
    `${what}: status ${response.status}${said}`,
    response.status,
    response.retryAfterSeconds,
  );
}
