/** WATCH: one JSON line per change, in order, from a revision on, until the client or its timeout ends it. */
import type { ServerResponse } from 'node:http';
import { selectorOf } from './list-pages.ts';
import type { RequestInfo } from './request-info.ts';
import { apiVersionOf } from './resources.ts';
import { expired } from './status.ts';
import type { Change, Store } from './store.ts';

/** A real API server sends a bookmark about once a minute; here often enough for tests to see one. */
const BOOKMARK_INTERVAL_MS = 1000;

/** Serves a watch on `response`, which it ends. */
export function serveWatch(store: Store, info: RequestInfo, response: ServerResponse): void {
  const matches = selectorOf(info.query);
  const send = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();

  const from = Number(info.query.get('resourceVersion') ?? 0);
  const missed = from > 0 ? store.since(from) : [];
  if (!missed) {
    send('ERROR', expired(`too old resource version: ${from} (${store.revision})`).body);
    response.end();
    return;
  }
  if (from === 0) {
    for (const object of store.list(info.resource, info.namespace).filter(matches)) send('ADDED', object);
  }
  const forward = (change: Change) => {
    const event = eventFor(change, info, matches);
    if (event) send(event, change.object);
  };
  for (const change of missed) forward(change);

  const timers: NodeJS.Timeout[] = [];
  const stop = store.onChange(forward);
  if (['true', '1'].includes(info.query.get('allowWatchBookmarks') ?? '')) {
    timers.push(setInterval(() => send('BOOKMARK', bookmark(store, info)), BOOKMARK_INTERVAL_MS));
  }
  const timeoutSeconds = Number(info.query.get('timeoutSeconds') ?? 0);
  if (timeoutSeconds > 0) timers.push(setTimeout(() => response.end(), timeoutSeconds * 1000));
  response.on('close', () => {
    stop();
    for (const timer of timers) clearTimeout(timer);
  });
}

/** What a change is to this watcher: an object that stops matching the selector is deleted for it. */
function eventFor(
  { type, resource, object, previous }: Change,
  info: RequestInfo,
  matches: (object: Change['object']) => boolean,
): Change['type'] | undefined {
  if (resource !== info.resource) return undefined;
  if (info.namespace && object.metadata.namespace !== info.namespace) return undefined;
  const did = previous !== undefined && matches(previous);
  const does = type !== 'DELETED' && matches(object);
  if (did && does) return 'MODIFIED';
  if (does) return 'ADDED';
  return did ? 'DELETED' : undefined;
}

function bookmark(store: Store, { resource }: RequestInfo): object {
  return {
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    metadata: { resourceVersion: String(store.revision), creationTimestamp: null },
  };
}
