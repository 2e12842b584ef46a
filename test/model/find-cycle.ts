/**
 * A cycle of a directed graph of `size` nodes, as the nodes on it; null if there is none. `edges` are pairs
 * of nodes: from, to.
 */
export function findCycle(size: number, edges: readonly number[]): number[] | null {
  const { starts, targets } = adjacency(size, edges);
  const incoming = new Uint32Array(size);
  for (const to of targets) incoming[to] = (incoming[to] as number) + 1;
  // Who has no way in is on no cycle; without it, others have none.
  const free = [...incoming.keys()].filter((node) => incoming[node] === 0);
  let removed = 0;
  for (let node = free.pop(); node !== undefined; node = free.pop()) {
    removed += 1;
    for (const to of targets.subarray(starts[node], starts[node + 1])) {
      incoming[to] = (incoming[to] as number) - 1;
      if (incoming[to] === 0) free.push(to);
    }
  }
  return removed === size ? null : walkBack(edges, incoming);
}

/** Who is left has a way in from another that is left: going back must come round. */
function walkBack(edges: readonly number[], incoming: Uint32Array): number[] {
  const cameFrom = new Map<number, number>();
  for (let at = 0; at < edges.length; at += 2) {
    const [from, to] = edges.slice(at, at + 2) as [number, number];
    if (incoming[from] !== 0 && incoming[to] !== 0) cameFrom.set(to, from);
  }
  const way: number[] = [];
  for (let node = cameFrom.keys().next().value as number; ; node = cameFrom.get(node) as number) {
    const met = way.indexOf(node);
    if (met !== -1) return way.slice(met).reverse();
    way.push(node);
  }
}

/** The targets of node n are `targets` from `starts[n]` to before `starts[n + 1]`. */
function adjacency(size: number, edges: readonly number[]): { starts: Uint32Array; targets: Uint32Array } {
  const starts = new Uint32Array(size + 1);
  for (let at = 0; at < edges.length; at += 2) {
    const next = (edges[at] as number) + 1;
    starts[next] = (starts[next] as number) + 1;
  }
  for (let node = 0; node < size; node += 1) {
    starts[node + 1] = (starts[node + 1] as number) + (starts[node] as number);
  }
  const filled = starts.slice();
  const targets = new Uint32Array(edges.length / 2);
  for (let at = 0; at < edges.length; at += 2) {
    const from = edges[at] as number;
    targets[filled[from] as number] = edges[at + 1] as number;
    filled[from] = (filled[from] as number) + 1;
  }
  return { starts, targets };
}
