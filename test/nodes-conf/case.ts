/** Golden cases: folders of plain files that could be given to a real server and a real API. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { advance, ask, begin, type Facts } from '../../src/addresses/announce-then-look.ts';
import { parseNodeMap } from '../../src/addresses/node-map.ts';
import { podFromApi } from '../../src/addresses/pod.ts';
import type { Resolution } from '../../src/addresses/resolution.ts';
import { type Document, formatDocument, parseDocument } from '../../src/nodes-conf/document.ts';
import { linesToResolve, rewrite } from '../../src/nodes-conf/rewrite.ts';

const CASES = 'test/fixtures/nodes-conf/cases';

export type Case = {
  name: string;
  before: string;
  /** The map and the pods as the API gives them; they do not change while the case runs. */
  map: Record<string, string>;
  pods: object[];
  self: { podName: string; podIps: [string, ...string[]]; outsideNodes?: 'park' | 'keep' };
  after: string;
};

export function readCases(): Case[] {
  return readdirSync(CASES).map((name) => {
    const read = (file: string) => readFileSync(join(CASES, name, file), 'latin1');
    return {
      name,
      before: read('before.conf'),
      map: JSON.parse(read('map.json')).data,
      pods: JSON.parse(read('pods.json')).items,
      self: JSON.parse(read('self.json')),
      after: read('after.conf'),
    };
  });
}

export function documentOf(text: string): Document {
  const parsed = parseDocument(text);
  if (parsed.kind !== 'document') throw new Error(`not a nodes.conf: ${JSON.stringify(parsed)}`);
  return parsed.document;
}

/** The whole way of a file: text, document, announce, look, rewrite, text. */
export function bringUpToDate(
  text: string,
  { map, pods, self }: Omit<Case, 'after' | 'before' | 'name'>,
): string {
  const document = documentOf(text);
  return formatDocument(rewrite(document, resolutionsOf(document, { map, pods, self })).document);
}

export function resolutionsOf(
  document: Document,
  { map, pods, self }: Omit<Case, 'after' | 'before' | 'name'>,
): Map<string, Resolution> {
  const facts: Facts = {
    self: { podName: self.podName, ips: self.podIps },
    node: {
      id: document.myself.id,
      lines: linesToResolve(document),
      masterId: document.myself.masterId,
    },
    outsideNodes: self.outsideNodes ?? 'park',
    onLostVolume: 'refuse',
  };
  const nodeMap = parseNodeMap(map);
  let state = begin(facts, nodeMap);
  while (state.step !== 'done') {
    const wanted = ask(state, facts);
    state =
      wanted?.kind === 'list-pods'
        ? advance(state, { kind: 'pods', pods: pods.map(podFromApi) }, facts)
        : advance(state, { kind: 'map', map: nodeMap }, facts);
  }
  if (state.outcome.kind !== 'resolved') throw new Error(`not resolved: ${JSON.stringify(state.outcome)}`);
  return state.outcome.resolutions;
}
