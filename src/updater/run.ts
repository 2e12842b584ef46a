/** The updater's story: read nodes.conf, settle who is where, write it back. */
import type { Facts, Outcome } from '../addresses/announce-then-look.ts';
import { parseNodeMap } from '../addresses/node-map.ts';
import type { Resolution } from '../addresses/resolution.ts';
import type { NamespaceApi } from '../kubernetes/namespace-api.ts';
import { type Document, formatDocument, parseDocument } from '../nodes-conf/document.ts';
import { linesToResolve, rewrite } from '../nodes-conf/rewrite.ts';
import type { Config } from './config.ts';
import { diffOf, withoutWrites } from './dry-run.ts';
import { emptyHostList } from './host-list.ts';
import { findMisplacedNodesConf } from './misplaced.ts';
import { readMountedMap } from './mounted-map.ts';
import { type NodesFile, readNodesFile, removeLeftover, replaceNodesFile } from './nodes-file.ts';
import type { Patience } from './persist.ts';
import { reportLines, reportProblems } from './report.ts';
import { badFile, misplacedFile, refusalFailure } from './sentences.ts';
import { settle } from './settle.ts';
import { withoutApi } from './without-api.ts';

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
      ? conclude(settled.outcome, config, world)
      : withoutApi(settled, facts, mounted, config);
  if (settled.kind === 'gave-up') {
    world.patience.log('warn', 'redis starts with peers unresolved, as on-failure: continue says', {
      error: String(settled.error),
    });
  }
  if (!volume || !resolutions) return;
  // Before nodes.conf, so that at no moment both are there: our addresses and the list that overrules them.
  // Where we could not look, the list is the better guess.
  if (settled.kind === 'outcome' && !config.dryRun) await emptyHostList(config.nodesConf, world.patience.log);
  await apply(resolutions, volume, config, world);
}

/** The file and what it says; null for a node that has none. */
async function readVolume(config: Config): Promise<Volume> {
  const file = await readNodesFile(config.nodesConf);
  if (!config.dryRun) await removeLeftover(file?.path ?? config.nodesConf);
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
      lines: linesToResolve(volume.document),
      masterId: volume.document.myself.masterId,
      savedAt: volume.file.stats.mtimeMs,
    },
    outsideNodes: config.outsideNodes,
    onLostVolume: config.onLostVolume,
  };
}

/** What the outcome says about every line; null where there is nothing to write. */
function conclude(
  outcome: Outcome,
  config: Config,
  { patience: { log } }: World,
): ReadonlyMap<string, Resolution> | null {
  switch (outcome.kind) {
    case 'resolved':
      reportProblems(outcome.map, log);
      return outcome.resolutions;
    case 'new-node':
      log('info', 'no nodes.conf and nothing recorded for this pod: redis starts as a new node');
      return null;
    case 'new-node-for-lost-volume':
      log('warn', 'the volume was lost: redis starts as a new node, as on-lost-volume: start says', {
        lostId: outcome.lostId,
      });
      return null;
    case 'refused':
      throw refusalFailure(outcome.refusal, config);
  }
}

async function apply(
  resolutions: ReadonlyMap<string, Resolution>,
  { file, document }: NonNullable<Volume>,
  config: Config,
  { patience: { log }, print }: World,
): Promise<void> {
  reportLines(document, resolutions, log);
  const { document: rewritten, changes } = rewrite(document, resolutions);
  if (config.dryRun) return print(diffOf(changes));
  if (changes.length > 0) await replaceNodesFile(file, formatDocument(rewritten));
  log('info', changes.length > 0 ? 'nodes.conf rewritten' : 'nodes.conf is up to date', {
    lines: changes.length,
  });
}
