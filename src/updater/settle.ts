/** Runs announce-then-look against the real API: asks what the state asks for, until it is done. */
import {
  type Answer,
  type Ask,
  advance,
  ask,
  begin,
  type Facts,
  type Outcome,
  type State,
} from '../addresses/announce-then-look.ts';
import { type NodeMap, parseNodeMap } from '../addresses/node-map.ts';
import type { NamespaceApi } from '../kubernetes/namespace-api.ts';
import { type Patience, persist, waitUntil } from './persist.ts';

export type Settled =
  | { kind: 'outcome'; outcome: Outcome }
  /** The API did not serve us in time; `state` is how far we came. */
  | { kind: 'gave-up'; state: State; error: unknown };

/** Resolves with the outcome, or with how far we came when the deadline passed or a write failed. */
export async function settle(
  facts: Facts,
  mounted: NodeMap,
  api: NamespaceApi,
  patience: Patience,
): Promise<Settled> {
  let state = begin(facts, mounted);
  while (state.step !== 'done') {
    const wanted = ask(state, facts) as Ask;
    try {
      state = advance(state, await answer(wanted, facts, api, patience), facts);
    } catch (error) {
      return { kind: 'gave-up', state, error };
    }
  }
  return { kind: 'outcome', outcome: state.outcome };
}

async function answer(wanted: Ask, { self }: Facts, api: NamespaceApi, patience: Patience): Promise<Answer> {
  switch (wanted.kind) {
    case 'list-pods':
      return { kind: 'pods', pods: await persist(() => api.listPods(), patience) };
    case 'await-own-ip':
      await waitUntil(
        async () => (await api.ownIps()).includes(self.ips[0]),
        `The API does not show the IP ${self.ips[0]} of pod ${self.podName}: either its kubelet cannot reach the API server, or the pod was replaced by a new one.`,
        patience,
      );
      return { kind: 'own-ip-visible' };
    case 'read-map':
      return { kind: 'map', map: parseNodeMap(await persist(() => api.readMap(), patience)) };
    case 'record-id':
      return { kind: 'map', map: parseNodeMap(await persist(() => api.writeOwnEntry(wanted.id), patience)) };
    case 'restore-id':
      await persist(() => api.writeOwnEntry(wanted.id ?? null), patience);
      return { kind: 'restored' };
  }
}
