import { request } from 'node:https';
import type { ControlPlane } from './control-plane.ts';

export type WatchEvent = {
  /** When it arrived here, as Date.now() tells it. */
  atMilliseconds: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  // biome-ignore lint/suspicious/noExplicitAny: an object of Kubernetes, of which a test reads what it knows of
  object: any;
};

/**
 * Records every change of a collection as the API tells it, beginning with what is there.
 *
 * @param path of the collection, for example /api/v1/namespaces/default/pods
 * @returns the events so far (the array grows), and what ends the recording
 */
export function recordWatch(plane: ControlPlane, path: string): { events: WatchEvent[]; end(): void } {
  const events: WatchEvent[] = [];
  const watch = request(
    new URL(`${path}?watch=1`, plane.url),
    { ca: plane.caPem, headers: { authorization: `Bearer ${plane.adminToken}` } },
    (response) => {
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) events.push({ atMilliseconds: Date.now(), ...JSON.parse(line) });
      });
      response.on('error', () => {});
    },
  );
  // It breaks off when the API server stops; what was seen until then counts.
  watch.on('error', () => {});
  watch.end();
  return { events, end: () => void watch.destroy() };
}
