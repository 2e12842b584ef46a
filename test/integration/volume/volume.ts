/** redis-0's volume, made anew for every run of the built updater, and what such a run leaves on it. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Test } from 'tap';
import { buildPrograms } from '../../../src/build.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { type KubernetesApi, startKubernetesApi } from '../../support/kubernetes-api/server.ts';
import { type Ended, provision, runUpdater, type Scene, scene } from '../updater-program.ts';
import { type ClusterFile, map, pods } from './cluster-file.ts';
import { type Call, readCalls, stoppedThread, straced } from './strace.ts';

export const NODES_CONF = 'nodes.conf';
export const HOST_LIST = 'nodes.sh';
export const TEMPORARY = '.redis-ip-updater.tmp';
export const BACKUP = '.redis-ip-updater.bak';

const SURROUNDINGS = {
  PATH: process.env.PATH ?? '',
  /** The calls of one thread have one order. */
  UV_THREADPOOL_SIZE: '1',
  /** For a busy machine. */
  DEADLINE_SECONDS: '60',
};

/** Neither that of the user who runs the updater nor one that a new file gets by itself. */
export const OWNER = { uid: 999, gid: 1000, mode: 0o640 };

/** A moved cluster's namespace, and the program built. Everything ends with the test. */
export async function startApi(t: Test): Promise<KubernetesApi> {
  await buildPrograms();
  const api = await startKubernetesApi();
  const admin = await provision(api, pods, map);
  t.teardown(async () => {
    admin.close();
    await api.close();
  });
  return api;
}

/** Where the program runs. */
export type Place = {
  /** What stands before a command that is to run there. */
  enter: readonly string[];
  node: string;
  /** The updater. */
  program: string;
  /** A path of this process, as it is there. */
  inside: (path: string) => string;
};

const HERE: Place = {
  enter: [],
  node: process.execPath,
  program: resolve('dist/updater.js'),
  inside: (path) => path,
};

export class Volume {
  /** The directory that holds nodes.conf. */
  readonly data: string;
  readonly #place: Place;
  readonly #scene: Scene;

  private constructor(scene: Scene, place: Place) {
    this.#place = place;
    this.#scene = scene;
    this.data = join(scene.directory, 'data');
  }

  /** A volume, and what else redis-0's init container has, in a directory that is made for it. */
  static async create(api: KubernetesApi, directory: string, place: Place = HERE): Promise<Volume> {
    mkdirSync(directory);
    const { env, ...rest } = await scene(api, directory, { mounted: map });
    const inside = Object.entries(env).map(([name, value]) =>
      value.startsWith(directory) ? [name, place.inside(value)] : [name, value],
    );
    return new Volume({ ...rest, env: { ...Object.fromEntries(inside), ...SURROUNDINGS } }, place);
  }

  /** Makes it empty. */
  reset(): void {
    for (const name of readdirSync(this.data))
      rmSync(join(this.data, name), { recursive: true, force: true });
  }

  /** Adds a file, whose owner is another user. */
  write(name: string, content: string): void {
    const path = join(this.data, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chownSync(path, OWNER.uid, OWNER.gid);
    chmodSync(path, OWNER.mode);
  }

  read(name: string): string {
    return readFileSync(join(this.data, name), 'latin1');
  }

  /** Names of all regular files on the volume, sorted. */
  files(): string[] {
    return readdirSync(this.data, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.data, join(entry.parentPath, entry.name)))
      .sort();
  }

  /** `old` or `new` if a file is whole, with its owner and mode; else what is wrong with it. */
  state(name: string, { before, after }: ClusterFile): string {
    const { uid, gid, mode } = statSync(join(this.data, name));
    if (uid !== OWNER.uid || gid !== OWNER.gid || (mode & 0o7777) !== OWNER.mode)
      return `owner ${uid}:${gid}, mode ${mode.toString(8)}`;
    const content = this.read(name);
    if (content === before) return 'old';
    if (content === after) return 'new';
    return `neither old nor new: ${content.length} bytes, ${JSON.stringify(content.slice(0, 200))}`;
  }

  /** Runs the updater; `prefix` stands before its command. */
  run(...prefix: string[]): Promise<Ended> {
    const { enter, node, program } = this.#place;
    return runUpdater({ ...this.#scene, node: [...enter, ...prefix, node], program });
  }

  /** Runs it with its calls on these files recorded, and `injections` (see `straced`) made into them. */
  async trace(files: readonly string[], injections: readonly string[]): Promise<Ended & { calls: Call[] }> {
    const record = join(this.#scene.directory, 'record');
    const { inside } = this.#place;
    const ended = await this.run(
      ...straced(inside(record), this.#pathsAround(files).map(inside), injections),
    );
    return { ...ended, calls: readCalls(record) };
  }

  /** As `trace`, but stops all of it after the injected call, does `meanwhile`, and goes on. */
  async traceStopped(
    files: readonly string[],
    stop: string,
    meanwhile: () => void,
  ): Promise<Ended & { calls: Call[] }> {
    const record = join(this.#scene.directory, 'record');
    rmSync(record, { force: true });
    let hasEnded = false;
    const ended = this.trace(files, [stop]).finally(() => {
      hasEnded = true;
    });
    const thread = await until('the updater stops', 60_000, () => hasEnded || stoppedThread(record));
    if (thread === true) throw new Error(`it did not come to ${stop}: ${JSON.stringify((await ended).logs)}`);
    meanwhile();
    process.kill(thread, 'SIGCONT');
    return ended;
  }

  /** What is read and written for the sake of these files. */
  #pathsAround(files: readonly string[]): string[] {
    const paths = files.map((name) => join(this.data, name));
    const beside = paths.flatMap((path) => [path, path + TEMPORARY, path + BACKUP]);
    return [...new Set([...paths.map(dirname), ...beside])];
  }
}
