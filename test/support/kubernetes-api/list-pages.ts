/**
 * LIST, whole or in pages. All pages of one list are of one moment: the revision of the first, which the
 * continue token carries. When that revision is no longer held, the token gets a 410, as it does after a
 * compaction of etcd.
 */
import type { KubernetesObject } from './objects.ts';
import type { RequestInfo } from './request-info.ts';
import { apiVersionOf } from './resources.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { badRequest, expired } from './status.ts';
import type { Store } from './store.ts';

export type List = {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: ListItem[];
};

/** An object without its apiVersion and kind. */
export type ListItem = Omit<KubernetesObject, 'apiVersion' | 'kind'>;

/** The continue token of a real API server, base64url: its revision and the key to go on from. */
type Token = { v: 'meta.k8s.io/v1'; rv: number; start: string };

/** A paged list holds all objects of its moment; this many moments are held at most. */
const SNAPSHOTS = 200;

export class ListPages {
  readonly #store: Store;
  readonly #snapshots = new Map<string, KubernetesObject[]>();

  constructor(store: Store) {
    this.#store = store;
    store.onCompaction(() => this.#snapshots.clear());
  }

  page({ resource, namespace, query }: RequestInfo): List {
    const limit = Number(query.get('limit') ?? 0);
    const token = readToken(query.get('continue') ?? '');
    const revision = token?.rv ?? this.#store.revision;
    const key = `${revision}/${resource.group}/${resource.plural}/${namespace}`;
    const snapshot = token ? this.#snapshots.get(key) : this.#store.list(resource, namespace);
    if (!snapshot) throw expired(TOO_OLD);
    const matches = selectorOf(query);
    const rest = snapshot.filter(
      (object) => (token ? keyOf(object) >= token.start : true) && matches(object),
    );
    const items = limit > 0 ? rest.slice(0, limit) : rest;
    const next = rest[items.length];
    if (next) this.#hold(key, snapshot);
    const counted = !query.get('labelSelector') && !query.get('fieldSelector');
    return {
      kind: `${resource.kind}List`,
      apiVersion: apiVersionOf(resource),
      metadata: {
        resourceVersion: String(revision),
        ...(next && { continue: writeToken({ v: 'meta.k8s.io/v1', rv: revision, start: keyOf(next) }) }),
        ...(next && counted && { remainingItemCount: rest.length - items.length }),
      },
      items: items.map(bare),
    };
  }

  #hold(key: string, snapshot: KubernetesObject[]): void {
    this.#snapshots.set(key, snapshot);
    const oldest = this.#snapshots.keys().next().value;
    if (this.#snapshots.size > SNAPSHOTS && oldest) this.#snapshots.delete(oldest);
  }
}

const TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';

/** Both selectors of a query in one. */
export function selectorOf(query: URLSearchParams): (object: KubernetesObject) => boolean {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
  return (object) => labels(object) && fields(object);
}

/** Items of a list come without the kind that the list already names. */
const bare = ({ kind: _kind, apiVersion: _apiVersion, ...item }: KubernetesObject) => item as ListItem;

const keyOf = ({ metadata }: KubernetesObject) => `${metadata.namespace ?? ''}/${metadata.name}`;

const writeToken = (token: Token) => Buffer.from(JSON.stringify(token)).toString('base64url');

function readToken(text: string): Token | undefined {
  if (!text) return undefined;
  try {
    const token: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (isToken(token)) return token;
  } catch {
    // Said below, as for any other text that is no token.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}

function isToken(value: unknown): value is Token {
  const token = value as Partial<Token> | null;
  return token?.v === 'meta.k8s.io/v1' && typeof token.rv === 'number' && typeof token.start === 'string';
}
