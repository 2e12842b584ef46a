/** One setting under one protocol, with the values met so far, each kept once. */
import type { NodeMap } from '../../src/addresses/node-map.ts';
import { createIntern, type Intern, type Interned } from './interned.ts';
import type { Mutation } from './mutation.ts';
import type { Setting } from './setting.ts';
import type { Updater } from './updater.ts';
import type { Volume } from './volume.ts';
import type { Node } from './world.ts';

export type Model = {
  setting: Setting;
  mutation: Mutation;
  /** What is remembered is worked out again, and has to be the same. */
  doubts: boolean;
  nodes: Intern<Node>;
  volumes: Intern<Volume>;
  updaters: Intern<Updater>;
  /** Updaters before their first question, by what they start with. */
  started: Map<string, Interned<Updater>>;
  maps: Intern<NodeMap>;
};

export function createModel(setting: Setting, mutation: Mutation, doubts: boolean): Model {
  return {
    setting,
    mutation,
    doubts,
    nodes: createIntern(),
    volumes: createIntern(),
    updaters: createIntern(),
    started: new Map(),
    maps: createIntern(),
  };
}
