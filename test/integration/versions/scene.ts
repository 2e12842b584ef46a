/** The stage of the demo, with clusters of any server version on it. */
import type { Test } from 'tap';
import { buildPrograms } from '../../../src/build.ts';
import {
  type ServerCommands,
  type ServerVersion,
  serverCommands,
} from '../../cluster/servers/debian-servers.ts';
import type { RedisSettings } from '../../demo/manifests.ts';
import { RedisCluster } from '../../demo/redis-cluster.ts';
import { measureRestart, type RestartResult } from '../../demo/restart.ts';
import { type Stage, setStage } from '../../demo/stage.ts';
import { createTimeline } from '../../demo/timeline.ts';
import { removeDirectory, temporaryDirectory } from '../../support/leave-nothing.ts';
import { filesLoad } from './loadable-files.ts';

export const NODES = 6;

export type Scene = { stage: Stage; directory: string };

/** The real webhook, the real updater and the stand-ins for Kubernetes, for all clusters of a test file. */
export async function setScene(t: Test): Promise<Scene> {
  const directory = temporaryDirectory('versions-');
  await buildPrograms();
  const timeline = createTimeline((line) => t.comment(line));
  const props = { nodes: NODES, redis: await serverCommands('redis-7.0') };
  const stage = await setStage(props, directory, timeline, (error) => t.fail('the stage broke', { error }));
  t.teardown(async () => {
    await stage.close();
    removeDirectory(directory);
  });
  return { stage, directory };
}

export type Actors = { stage: Stage; cluster: RedisCluster; commands: ServerCommands };

/** Runs `play` with a cluster of that version in a new namespace, injected from its first start on. */
export async function withCluster(
  { stage }: Scene,
  version: ServerVersion,
  settings: Partial<RedisSettings>,
  play: (actors: Actors) => Promise<void>,
  namespace = version.replace('.', '-'),
): Promise<void> {
  const commands = await serverCommands(version);
  stage.timeline.title(`${version}: ${commands.version}`);
  const redis = { ...stage.redis, ...commands, ...settings, args: argsFor(commands, settings.args) };
  const ownStage = { ...stage, redis };
  const cluster = new RedisCluster(ownStage, namespace);
  await cluster.create({ labelled: true });
  try {
    await filesLoad(ownStage, cluster);
    await play({ stage: ownStage, cluster, commands });
  } finally {
    await cluster.remove();
  }
}

/** What the clusters of these tests have besides the demo's. */
export function argsFor({ major }: Pick<ServerCommands, 'major'>, args: readonly string[] = []): string[] {
  // Replicas get their first copy at once, instead of after 5 s.
  const quick = ['--repl-diskless-sync-delay', '0'];
  // Before 7.0 a server with arguments has no default for it, and keeps nothing.
  const save = major < 7 ? ['--save', '3600', '1'] : [];
  return [...quick, ...save, ...args];
}

/** All pods at once, at new addresses. */
export function fullRestart({ stage, cluster }: Actors): Promise<RestartResult> {
  return measureRestart(stage, cluster, () => cluster.loseAllPods());
}

/** The test of one restart: healed by all that every node says, every key there, and none of somebody else's. */
export async function expectHealed(
  t: Test,
  { cluster, commands }: Actors,
  trial: string,
  result: RestartResult,
): Promise<void> {
  const { recovered, healMs, keys, keysIntact, apiRequestsPerPod } = result;
  const foreignKeys = (await cluster.foreignKeys()).reduce((sum, count) => sum + count, 0);
  t.comment(
    `${commands.version}, ${trial}: ${recovered ? `healed after ${healMs} ms` : 'NOT healed'}, ` +
      `${keysIntact} of ${keys} keys, ${foreignKeys} foreign ones, ${apiRequestsPerPod} API requests per pod`,
  );
  t.same(
    { recovered, keysIntact, foreignKeys },
    { recovered: true, keysIntact: keys, foreignKeys: 0 },
    `${commands.version}: ${trial}`,
  );
}
