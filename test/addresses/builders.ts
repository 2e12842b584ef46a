/** Short ways to say what tests of the resolution need. */
import { parseNodeMap } from '../../src/addresses/node-map.ts';
import type { Pod } from '../../src/addresses/pod.ts';

/** A node id that a reader can tell apart: `id('a')` is `a` 40 times. */
export function id(letter: string): string {
  return letter.repeat(40);
}

/** A live, injected pod of a StatefulSet. */
export function pod(name: string, ips: string | string[], changes: Partial<Pod> = {}): Pod {
  return {
    name,
    ips: [ips].flat().filter((ip) => ip !== ''),
    hasEnded: false,
    hostNetwork: false,
    ofStatefulSet: true,
    injected: true,
    updaterEnded: false,
    showsFormerAddress: false,
    sandboxReadyAt: 1000,
    revision: 1,
    ...changes,
  };
}

/** A map of keys `pod name -> id letter`. */
export function map(keys: Record<string, string>, nodesTxt = '') {
  const data = Object.fromEntries(Object.entries(keys).map(([name, letter]) => [name, id(letter)]));
  return parseNodeMap({ ...data, 'nodes.txt': nodesTxt });
}
