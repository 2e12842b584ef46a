/** What becomes of one line of nodes.conf: the outcomes of the resolution table. */
export type Resolution =
  /** Our own line: our own IP. */
  | { kind: 'self'; ip: string }
  /** The peer's pod is live and shows this IP. */
  | { kind: 'fresh'; ip: string; pod: string }
  /** The peer's address is not known: the discard address, until the peer announces itself to us. */
  | { kind: 'parked'; ip: string; pod: string | null; reason: ParkedReason }
  /** Not in the map: the line stays as it is. */
  | { kind: 'unknown'; pod: string | null; reason: UnknownReason };

export type ParkedReason =
  /** Its pod does not exist, has ended, or has no IP yet. */
  | 'not-live'
  /** Its pod shows our own IP: what it had before its node rebooted. */
  | 'shows-our-ip'
  /** Its pod shows an IP that another pod has now. */
  | 'shows-ip-of-other-pod'
  /** Our own master, in a pod that is not injected, and no line of nodes.txt names it. */
  | 'master-not-injected'
  /** Another line has the address with more right, or neither has more. */
  | 'address-of-other-line'
  /** No entry of the map names its pod. */
  | 'not-in-map';

export type UnknownReason =
  /** A pod that is not injected yet holds the line's address, and so has not restarted since. */
  | 'held-by-pod-not-injected'
  /** A pod that started as a new node, of which nobody could record an id, and has not restarted since. */
  | 'held-by-pod-never-recorded'
  /** The annotation says that the cluster has nodes outside this namespace. */
  | 'outside-node-kept'
  /** Nobody could be asked, and the annotation `on-failure: continue` says to start all the same. */
  | 'api-silent';
