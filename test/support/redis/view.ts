/** What one node of a cluster says about itself and the others. */
import type { RedisNode } from './node.ts';

/** A line of CLUSTER NODES. Read here on our own: what is tested must not judge itself. */
export type Peer = {
  id: string;
  ip: string;
  flags: string[];
  /** Of a replica; `-` for a master. */
  masterId: string;
  linkState: string;
};

export type View = {
  /** The address that the node answered at. */
  host: string;
  state: string;
  peers: Peer[];
  role: string;
  masterHost: string;
  masterLink: string;
  keys: number;
};

/** Asks a node; rejects when it does not answer. */
export async function viewOf(node: RedisNode): Promise<View> {
  const [info, nodes, replication, keys] = await Promise.all([
    node.ask('CLUSTER', 'INFO'),
    node.ask('CLUSTER', 'NODES'),
    node.ask('INFO', 'replication'),
    node.ask<number>('DBSIZE'),
  ]);
  const field = (text: string, name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(text)?.[1] ?? '';
  return {
    host: node.host,
    state: field(info, 'cluster_state'),
    peers: nodes.split('\n').filter(Boolean).map(parsePeer),
    role: field(replication, 'role'),
    masterHost: field(replication, 'master_host'),
    masterLink: field(replication, 'master_link_status'),
    keys,
  };
}

function parsePeer(line: string): Peer {
  const [id = '', address = '', flags = '', masterId = '', , , , linkState = ''] = line.split(' ');
  const [endpoint = ''] = address.split('@');
  return {
    id,
    ip: endpoint.slice(0, endpoint.lastIndexOf(':')),
    flags: flags.split(','),
    masterId,
    linkState,
  };
}
