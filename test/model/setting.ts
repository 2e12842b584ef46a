/** What a model is made of: which nodes there are, how each may restart, and what else goes on around them. */

/**
 * How a node goes down, and what the API shows of its pod until the kubelet announces the next address:
 * - `deleted`: the pod and its address are gone together; its successor shows none.
 * - `terminated`: deleted too, but the API shows the pod and its address for a while after its sandbox is gone.
 * - `rebooted`: the same pod object shows its OLD address, or none once its kubelet has noticed.
 * - `crashed`: its sandbox died under a running kubelet: as `rebooted`, and for a while the old address is shown
 *   beside the new sandbox (docs/decisions/real-kubernetes-stale-addresses.md).
 * - `process`: the updater alone dies and its container is started again, in the same sandbox.
 */
export type Restart = 'deleted' | 'terminated' | 'rebooted' | 'crashed' | 'process';

export type NodeSetting = {
  /** Restarts to come, in this order; each at any time after the one before, or never. */
  restarts: readonly Restart[];
  /** The address that each of its sandboxes gets, as a number: the first before any restart. */
  ips: readonly number[];
  /** Before any restart: its id is in the map; it started as a new node, so that it is not; or it is not injected. */
  before: 'recorded' | 'never recorded' | 'not injected';
  /** The node that it replicates; none for a master. */
  master?: number;
  /** The node whose volume this one's is a clone of: both have one id. */
  cloneOf?: number;
  /** Its volume is lost with this restart, counted from 0. */
  losesVolumeWith?: number;
};

/** Outside the namespace, or a pod here: of no StatefulSet; of one that is not injected; new in another cluster. */
export type Stranger = 'outside' | 'a pod' | 'a StatefulSet pod' | 'an injected pod';

export type Setting = {
  nodes: readonly NodeSetting[];
  /** Somebody else who may take the address `ip` once it is free, and keeps it. */
  stranger?: { is: Stranger; ip: number };
  /**
   * A snapshot restored into another namespace: our nodes have not run yet, and the originals have the addresses
   * that are in their files.
   */
  isRestored?: boolean;
  /** A server saves nodes.conf when it stops, as a SIGTERM makes it do; else only the updater's own writes count. */
  savesAtStop?: boolean;
  /** What a dead updater has sent may reach the API server at any later time. */
  patchesComeLate?: boolean;
};

/** The node whose id a node has. */
export function identityOf({ nodes }: Setting, node: number): number {
  return nodes[node]?.cloneOf ?? node;
}

/** The nodes whose ids are in the cluster's files: all but clones. */
export function members({ nodes }: Setting): number[] {
  return nodes.flatMap(({ cloneOf }, node) => (cloneOf === undefined ? [node] : []));
}

/** True if a peer may be missing in the map that counts: only then do the ages of files and sandboxes decide. */
export function agesDecide({ nodes }: Setting): boolean {
  return nodes.some(({ before }) => before !== 'recorded');
}
