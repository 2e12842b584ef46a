import { posix } from 'node:path';
import { argument, argumentWords } from './arguments.ts';
import { persistentMount } from './mount.ts';
import type { Container, Volume } from './shapes.ts';

/** Where well-known images keep the file, the most specific first. */
const LAYOUTS = [
  // OT-CONTAINER-KIT redis-operator: a volume of its own beside /data.
  '/node-conf/nodes.conf',
  // Bitnami images and charts.
  '/bitnami/redis/data/nodes.conf',
  '/bitnami/valkey/data/nodes.conf',
  // KubeBlocks and older operators, with their own file name.
  '/redis-data/node.conf',
];

/** The official images' working directory and the server's default file name. */
const DEFAULT_DIRECTORY = '/data';
const DEFAULT_FILE = 'nodes.conf';

/**
 * Where the container keeps nodes.conf if no annotation says it: `cluster-config-file` below `dir` of the
 * arguments, else the known layouts that a persistent volume holds, else below `dir`, else /data/nodes.conf.
 */
export function findNodesConf(container: Container, volumes: readonly Volume[]): string {
  const words = argumentWords(container);
  const written = plainArgument(words, 'cluster-config-file');
  // `dir` without dashes is a word of configuration only where a script writes a configuration file.
  const dir =
    plainArgument(words, '--dir') ?? (written === undefined ? undefined : plainArgument(words, 'dir'));
  const directory = absolute(container.workingDir || DEFAULT_DIRECTORY, dir ?? '.');
  const file = plainArgument(words, '--cluster-config-file') ?? written;
  if (file !== undefined) return absolute(directory, file);

  const known = LAYOUTS.find((path) => persistentMount(container, volumes, path));
  if (known) return known;
  // `dir` alone: the server's own default file in it, unless a configuration file that we cannot see says more.
  return absolute(dir ? directory : DEFAULT_DIRECTORY, DEFAULT_FILE);
}

/** The value of `name`; undefined if it holds a variable that we cannot know. */
function plainArgument(words: readonly string[], name: string): string | undefined {
  const value = argument(words, name);
  return value?.includes('$') ? undefined : value;
}

function absolute(directory: string, path: string): string {
  return posix.normalize(posix.isAbsolute(path) ? path : `${directory}/${path}`).replace(/(?<=.)\/$/, '');
}
