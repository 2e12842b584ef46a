/** Volumes as the updater may find them, and what is refused to it there. */
import { linkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterFile, fragmented, large, small } from './cluster-file.ts';
import type { Call } from './strace.ts';
import { BACKUP, HOST_LIST, NODES_CONF, TEMPORARY, type Volume } from './volume.ts';

export type Scenario = {
  /** By their names on the volume: what is to be replaced. */
  files: Readonly<Record<string, ClusterFile>>;
  /** Adds to a volume that holds the files as they were. */
  prepare?: (volume: Volume) => void;
  /** Names of calls that the kernel refuses all the time, and its error. */
  refused?: Readonly<Record<string, string>>;
  /** Exit code where that is something the updater cannot do without. */
  code?: number;
};

/** bitnami's list, which is emptied before nodes.conf is written. */
const hostList: ClusterFile = {
  before: 'declare -A host_2_ip_array=(["redis-0"]="10.0.0.0" ["redis-1"]="10.0.0.1" )\n',
  after: 'declare -A host_2_ip_array=()\n',
};
const files = { [NODES_CONF]: small };
const olderBackup = (volume: Volume) => volume.write(NODES_CONF + BACKUP, 'older\n');

export const scenarios = {
  'the file alone': { files },
  'a backup of an earlier change': { files, prepare: olderBackup },
  'no hard links: the backup is a copy': {
    files,
    prepare: olderBackup,
    refused: { link: 'EPERM', linkat: 'EPERM' },
  },
  "an entrypoint's list of hosts": { files: { [HOST_LIST]: hostList, ...files } },
  'the temporary file of an interrupted run': {
    files,
    prepare: (volume) => volume.write(NODES_CONF + TEMPORARY, small.after.slice(0, 100)),
  },
  'interrupted before the rename: the backup is the file itself': {
    files,
    prepare: ({ data }) => linkSync(join(data, NODES_CONF), join(data, NODES_CONF + BACKUP)),
  },
  'a symbolic link': {
    files: { [`real/${NODES_CONF}`]: small },
    prepare: ({ data }) => symlinkSync(`real/${NODES_CONF}`, join(data, NODES_CONF)),
  },
  '2,000 nodes, more than one write': { files: { [NODES_CONF]: large } },
  '16,384 slots, each alone': { files: { [NODES_CONF]: fragmented } },
  'a full disk': { files, refused: { write: 'ENOSPC' }, code: 74 },
} satisfies Readonly<Record<string, Scenario>>;

/** The volume of a scenario, anew. */
export function prepare(volume: Volume, scenario: Scenario): void {
  volume.reset();
  for (const [name, { before }] of Object.entries(scenario.files)) volume.write(name, before);
  scenario.prepare?.(volume);
}

/** The injections of what a scenario refuses, but for calls of the name `except`. */
export function refusals({ refused = {} }: Scenario, except?: string): string[] {
  return (
    Object.entries(refused)
      .filter(([name]) => name !== except)
      // The question mark is strace's for a call that this machine's kernel may not have.
      .map(([name, error]) => `?${name}:error=${error}`)
  );
}

/** The state of each file of a scenario: see `Volume.state`. */
export function states(volume: Volume, { files }: Scenario): string[] {
  return Object.entries(files).map(([name, file]) => volume.state(name, file));
}

/** The states of a scenario's files after these calls. */
export function statesAfter(calls: readonly Call[], { files }: Scenario): string[] {
  return Object.keys(files).map((name) =>
    calls.some((call) => isRenameTo(call, name) && call.result === '0') ? 'new' : 'old',
  );
}

function isRenameTo({ name, text }: Call, file: string): boolean {
  return name.startsWith('rename') && text.includes(`/${file}")`);
}
