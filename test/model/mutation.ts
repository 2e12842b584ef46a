/**
 * Protocols that are worse than ours in one point each. The state machine stays what it is: the environment
 * forges the answer, or the setting, that the mutated step would have gone by.
 */
export type Mutation =
  | 'none'
  | 'list before announce'
  | 'no second list'
  | 'mounted map alone'
  /** Nothing asks the API before a node without a file is let start. */
  | 'no confirmation'
  /** Whoever waits for its own IP is answered from a cache that does not follow. */
  | 'cached list'
  /** Any pod at an address in the file passes for a peer that has not been injected yet. */
  | 'any pod is a peer'
  /** Even one that got that address after the file was saved. */
  | 'ages are not compared'
  /** No rule of its own for the node that we replicate. */
  | 'masters are like others'
  /** What a peer's pod shows is taken, whoever else shows it. */
  | 'no contest for an address'
  /** Who has the newest sandbox wins the contest, even with the address of the one before. */
  | 'former addresses count'
  /** Lines of nodes that are not in the map stay as they are: the annotation `outside-nodes: keep`. */
  | 'unmapped lines stay'
  /** The answer to the PATCH is not searched for another claim to our id. */
  | 'conflicts are not seen';

/** True for those that go by what an earlier answer said. */
export function needsMemory(mutation: Mutation): boolean {
  return ['no second list', 'mounted map alone', 'no confirmation', 'cached list'].includes(mutation);
}
