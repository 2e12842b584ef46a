/** One updater from text to text, without files and network: the state machine, the resolution and the rewriting. */
import { advance, ask, begin, type Facts, type Outcome } from '../../src/addresses/announce-then-look.ts';
import { parseNodeMap } from '../../src/addresses/node-map.ts';
import type { Pod } from '../../src/addresses/pod.ts';
import type { OutsideNodes } from '../../src/addresses/resolve.ts';
import { formatDocument } from '../../src/nodes-conf/document.ts';
import { linesToResolve, rewrite } from '../../src/nodes-conf/rewrite.ts';
import { documentOf } from '../nodes-conf/case.ts';

export type Surroundings = {
  podName: string;
  ips: readonly [string, ...string[]];
  pods: readonly Pod[];
  /** `data` of the ConfigMap, as the API has it, and as the kubelet has mounted it where that differs. */
  data: Record<string, string>;
  mounted?: Record<string, string>;
  savedAt: number;
  outsideNodes?: OutsideNodes;
};

export type Run = {
  outcome: Outcome;
  /** The file afterwards: as it was where the outcome is a refusal. */
  text: string;
  /** The map afterwards. */
  data: Record<string, string>;
};

export function wholeRun(text: string, surroundings: Surroundings): Run {
  const { podName, ips, pods, mounted = surroundings.data, savedAt, outsideNodes = 'park' } = surroundings;
  const document = documentOf(text);
  const { id, masterId } = document.myself;
  const lines = linesToResolve(document);
  const facts: Facts = {
    self: { podName, ips },
    node: { id, lines, masterId, savedAt },
    outsideNodes,
    onLostVolume: 'refuse',
  };
  let data = surroundings.data;
  let state = begin(facts, parseNodeMap(mounted));
  while (state.step !== 'done') {
    const wanted = ask(state, facts);
    if (wanted?.kind === 'record-id') data = { ...data, [podName]: wanted.id };
    if (wanted?.kind === 'restore-id') data = withEntry(data, podName, wanted.id);
    if (wanted?.kind === 'list-pods') state = advance(state, { kind: 'pods', pods }, facts);
    else if (wanted?.kind === 'restore-id') state = advance(state, { kind: 'restored' }, facts);
    else if (wanted?.kind === 'await-own-ip') throw new Error('our own pod has to show our IP');
    else state = advance(state, { kind: 'map', map: parseNodeMap(data) }, facts);
  }
  const { outcome } = state;
  if (outcome.kind !== 'resolved') return { outcome, text, data };
  return { outcome, data, text: formatDocument(rewrite(document, outcome.resolutions).document) };
}

function withEntry(data: Record<string, string>, pod: string, id: string | undefined) {
  const { [pod]: _, ...others } = data;
  return id === undefined ? others : { ...others, [pod]: id };
}
