/** The updater's story: read nodes.conf, settle who is where, write it back. */
import { type Facts, type Outcome, refusalWithoutApi } from '../addresses/announce-then-look.ts';
import { type NodeMap, parseNodeMap } from '../addresses/node-map.ts';
import type { Resolution } from '../addresses/resolution.ts';
import { resolveSelf } from '../addresses/resolve.ts';
import { exitCodes, Failure } from '../errors.ts';
import type { NamespaceApi } from '../kubernetes/namespace-api.ts';
import {
  type Document,
  formatDocument,
  type NodeLine,
  nodeLines,
  parseDocument,
} from '../nodes-conf/document.ts';
import { rewrite } from '../nodes-conf/rewrite.ts';
import type { Config } from './config.ts';
import { findMisplacedNodesConf } from './misplaced.ts';
import { readMountedMap } from './mounted-map.ts';
import { type NodesFile, readNodesFile, removeLeftover, replaceNodesFile } from './nodes-file.ts';
import type { Patience } from './persist.ts';
import { badFile, misplacedFile, refusalFailure } from './sentences.ts';
import { settle } from './settle.ts';

export type World = {
  api: NamespaceApi;
  patience: Patience;
  /** Standard output, for `--dry-run`. */
  print: (text: string) => void;
};

type Volume = { file: NodesFile; document: Document } | null;

/** Resolves when redis may start. @throws Failure with the exit code and the one sentence for the user. */
export async function run(config: Config, world: World): Promise<void> {
  const volume = await readVolume(config);
  const mounted = parseNodeMap(await readMountedMap(config.nodesMap));
  const facts = factsOf(config, volume);
  const api = config.dryRun ? withoutWrites(world.api, config.podName) : world.api;
  const settled = await settle(facts, mounted, api, world.patience);
  const resolutions =
    settled.kind === 'outcome'
      ? concluded(settled.outcome, config, world)
      : continued(settled.error, refusalWithoutApi(settled.state, facts, mounted), volume, config, world);
  if (volume && resolutions) await apply(resolutions, volume, config, world);
}

/** The file and what it says; null for a new node. */
async function readVolume(config: Config): Promise<Volume> {
  if (!config.dryRun) await removeLeftover(config.nodesConf);
  const file = await readNodesFile(config.nodesConf);
  if (!file) {
    const misplaced = await findMisplacedNodesConf(config.nodesConfVolume);
    if (misplaced) throw misplacedFile(misplaced, config);
    return null;
  }
  const parsed = parseDocument(file.text);
  if (parsed.kind === 'refused') throw badFile(parsed.reason, config);
  return parsed.kind === 'empty' ? null : { file, document: parsed.document };
}

function factsOf(config: Config, volume: Volume): Facts {
  return {
    self: { podName: config.podName, ips: config.podIps },
    node: volume && {
      id: volume.document.myself.id,
      lines: nodeLines(volume.document).map(({ id, address }) => ({ id, ip: address.ip })),
    },
    outsideNodes: config.outsideNodes,
    onLostVolume: config.onLostVolume,
  };
}

/** What the outcome says about every line; null where there is nothing to write. */
function concluded(
  outcome: Outcome,
  config: Config,
  { patience }: World,
): ReadonlyMap<string, Resolution> | null {
  switch (outcome.kind) {
    case 'resolved':
      reportProblems(outcome.map, patience);
      return outcome.resolutions;
    case 'new-node':
      patience.log('info', 'no nodes.conf and nothing recorded for this pod: redis starts as a new node');
      return null;
    case 'new-node-for-lost-volume':
      patience.log('warn', 'the volume was lost: redis starts as a new node, as on-lost-volume: start says', {
        lostId: outcome.lostId,
      });
      return null;
    case 'refused':
      throw refusalFailure(outcome.refusal, config);
  }
}

/** The annotation `on-failure: continue`: start with our own line corrected, rather than not at all. */
function continued(
  error: unknown,
  refusal: ReturnType<typeof refusalWithoutApi>,
  volume: Volume,
  config: Config,
  { patience }: World,
): ReadonlyMap<string, Resolution> | null {
  const isAboutApi =
    error instanceof Failure &&
    (error.exitCode === exitCodes.unavailable || error.exitCode === exitCodes.forbidden);
  if (isAboutApi && refusal) throw refusalFailure(refusal, config);
  if (!isAboutApi || config.onFailure === 'block') throw error;
  patience.log('warn', 'redis starts with peers unresolved, as on-failure: continue says', {
    error: error.message,
  });
  if (!volume) return null;
  const { id, address } = volume.document.myself;
  return new Map([
    [id, resolveSelf({ id, ip: address.ip }, { self: { podName: config.podName, ips: config.podIps } })],
  ]);
}

async function apply(
  resolutions: ReadonlyMap<string, Resolution>,
  { file, document }: NonNullable<Volume>,
  config: Config,
  { patience, print }: World,
): Promise<void> {
  for (const line of nodeLines(document)) reportLine(line, resolutions.get(line.id), patience);
  const { document: rewritten, changes } = rewrite(document, resolutions);
  if (config.dryRun) {
    for (const { line, before, after } of changes) print(`@@ line ${line} @@\n-${before}\n+${after}\n`);
    return;
  }
  if (changes.length > 0) await replaceNodesFile(file, formatDocument(rewritten));
  patience.log('info', changes.length > 0 ? 'nodes.conf rewritten' : 'nodes.conf is up to date', {
    lines: changes.length,
  });
}

function reportLine({ id, address }: NodeLine, resolution: Resolution | undefined, { log }: Patience): void {
  if (!resolution) return;
  const { kind, ...details } = resolution;
  log(kind === 'unknown' ? 'warn' : 'info', kind, { id, from: address.ip, ...details });
}

function reportProblems({ problems }: NodeMap, { log }: Patience): void {
  for (const problem of problems) log('warn', 'an entry of the node map is not used', { problem });
}

/** The API for `--dry-run`: what would be recorded is only pretended. */
function withoutWrites(api: NamespaceApi, podName: string): NamespaceApi {
  return {
    ...api,
    writeOwnEntry: async (id) => ({ ...(await api.readMap()), ...(id && { [podName]: id }) }),
  };
}
