/**
 * Whether a cluster has healed, strictly: judged by what every node says about every other, never by one node's
 * `cluster_state:ok`. `connected` alone lies, too: a link exists while it still dials a dead address.
 */
import type { View } from './view.ts';

export type Judgement = {
  /** Why state and addresses are not right everywhere; empty when they are. */
  topology: string[];
  /** Why not every replica follows its own master; empty when all do. */
  replication: string[];
};

const BAD_FLAGS = ['fail', 'fail?', 'handshake', 'noaddr'];

/** Judges the views of all nodes; `undefined` stands for a node that did not answer. */
export function judge(views: readonly (View | undefined)[]): Judgement {
  const answered = views.filter((view) => view !== undefined);
  const silent = views.length - answered.length;
  const silence = silent > 0 ? [`${silent} of ${views.length} nodes do not answer`] : [];
  const current = new Map(answered.map((view) => [myself(view)?.id ?? '', view.host]));
  return {
    topology: [...silence, ...answered.flatMap((view) => topologyOf(view, current))],
    replication: [...silence, ...answered.flatMap((view) => replicationOf(view, current, answered))],
  };
}

const myself = ({ peers }: View) => peers.find(({ flags }) => flags.includes('myself'));

function topologyOf(view: View, current: ReadonlyMap<string, string>): string[] {
  const said = (what: string) => `${view.host}: ${what}`;
  const known = new Set(view.peers.map(({ id }) => id));
  const missing = [...current.keys()].filter((id) => !known.has(id)).length;
  return [
    ...(view.state === 'ok' ? [] : [said(`cluster_state:${view.state}`)]),
    ...(missing > 0 ? [said(`does not know ${missing} nodes`)] : []),
    ...view.peers.flatMap(({ id, ip, flags, linkState }) => [
      ...(ip === current.get(id) ? [] : [said(`${id.slice(0, 8)} at ${ip || 'no address'}`)]),
      ...flags.filter((flag) => BAD_FLAGS.includes(flag)).map((flag) => said(`${id.slice(0, 8)} ${flag}`)),
      ...(linkState === 'connected' ? [] : [said(`${id.slice(0, 8)} ${linkState}`)]),
    ]),
  ];
}

function replicationOf(view: View, current: ReadonlyMap<string, string>, views: readonly View[]): string[] {
  if (view.role !== 'slave') return [];
  const masterAt = current.get(myself(view)?.masterId ?? '');
  const master = views.find(({ host }) => host === masterAt);
  const said = (what: string) => [`${view.host}: ${what}`];
  if (view.masterHost !== masterAt) return said(`follows ${view.masterHost}, its master is at ${masterAt}`);
  if (view.masterLink !== 'up') return said(`link to its master is ${view.masterLink}`);
  return view.keys === master?.keys ? [] : said(`has ${view.keys} keys, its master ${master?.keys}`);
}
