/** Short ways to say what settings there are, and all combinations of what they differ in. */
import type { NodeSetting, Restart, Setting } from './setting.ts';

type Before = NodeSetting['before'];

/** A node that was `before` and restarts like this, with these addresses. */
export function node(
  before: Before,
  restarts: readonly Restart[],
  ips: readonly number[],
  more: Partial<NodeSetting> = {},
): NodeSetting {
  return { before, restarts, ips, ...more };
}

export type Named = [name: string, setting: Setting];

/** One value for each node. */
type ByNode<Value> = readonly (readonly Value[])[];

/**
 * A setting for each combination of how nodes were before, how they restart, and what addresses they get: old ones
 * are 0, 1, 2 ... Node 0 replicates node 1. A machine with a pod that is not injected does not lose its power: we cannot help such a pod.
 */
export function combinations(
  befores: readonly (readonly Before[])[],
  restarts: readonly ByNode<Restart>[],
  newIps: readonly ByNode<number>[],
  more: Partial<Setting> = {},
): Named[] {
  return befores
    .flatMap((before) =>
      restarts.flatMap((how) =>
        newIps.map((ips): Named => {
          const nodes = before.map((was, at) =>
            node(
              was,
              how[at] as readonly Restart[],
              [at, ...(ips[at] as readonly number[])],
              at === 0 ? { master: 1 } : {},
            ),
          );
          return [nameOf(nodes), { nodes, ...more }];
        }),
      ),
    )
    .filter(([, { nodes }]) => nodes.every(isPossible));
}

function isPossible({ before, restarts: [first] }: NodeSetting): boolean {
  return before !== 'not injected' || first === 'deleted' || first === 'terminated';
}

function nameOf(nodes: NodeSetting[]): string {
  return nodes
    .map(({ before, restarts, ips }) => `${before}, ${restarts.join(' and ')}, ${ips.join(' ')}`)
    .join('; ');
}

/** Each of `values` for each of two nodes. */
export function pairs<Value>(values: readonly Value[]): [Value, Value][] {
  return values.flatMap((first) => values.map((second): [Value, Value] => [first, second]));
}
