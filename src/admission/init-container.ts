import { posix } from 'node:path';
import {
  INIT_CONTAINER,
  NODES_MOUNT_PATH,
  NODES_VOLUME,
  SERVICE_ACCOUNT_PATH,
  TOKEN_VOLUME,
  updaterEnv,
} from '../names.ts';
import { covers } from './mount.ts';
import { departs, type Settings } from './settings.ts';
import type { EnvVar, VolumeMount } from './shapes.ts';
import { downwardEnv } from './subpath-env.ts';

/** Whose image the updater is, of which version, and how it is pulled; from the webhook's configuration. */
export type Updater = {
  image: string;
  imagePullPolicy: string | undefined;
  /** Names of Secrets in the pod's namespace. */
  imagePullSecrets: readonly string[];
  version: string;
};

export type InitContainerParts = {
  updater: Updater;
  settings: Settings;
  /** Absolute path of nodes.conf, and the redis container's mount that holds it. */
  path: string;
  mount: VolumeMount;
  /** Entries that the mount's subPathExpr needs. */
  env: EnvVar[];
  securityContext: object;
  resources: object | undefined;
};

/** Where the map goes if redis's own volume is mounted at, above or below /nodes. */
const OTHER_NODES_MOUNT_PATH = '/redis-ip-updater/nodes';

/** The updater's container. It has no command: the entrypoint of its image runs the updater. */
export function initContainer(parts: InitContainerParts): object {
  const { updater, mount, resources, securityContext } = parts;
  const taken = covers(mount.mountPath, NODES_MOUNT_PATH) || covers(NODES_MOUNT_PATH, mount.mountPath);
  const nodesMap = taken ? OTHER_NODES_MOUNT_PATH : NODES_MOUNT_PATH;
  // Bidirectional propagation is for privileged containers only, and nothing is mounted below by us.
  const { mountPropagation: _, ...dataMount } = mount;
  return {
    name: INIT_CONTAINER,
    image: updater.image,
    ...(updater.imagePullPolicy ? { imagePullPolicy: updater.imagePullPolicy } : {}),
    // The kubelet expands a value by the entries before it, and a copied one may name POD_NAME.
    env: [...fromDownwardApi(), ...parts.env, ...given(parts, nodesMap)],
    volumeMounts: [
      dataMount,
      { name: NODES_VOLUME, mountPath: nodesMap, readOnly: true },
      { name: TOKEN_VOLUME, mountPath: SERVICE_ACCOUNT_PATH, readOnly: true },
    ],
    ...(resources ? { resources } : {}),
    securityContext,
    // An updater that dies before it can write its termination message leaves its log there.
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

function fromDownwardApi(): object[] {
  return Object.entries(downwardEnv).map(([name, fieldPath]) => ({
    name,
    valueFrom: { fieldRef: { fieldPath } },
  }));
}

function given({ settings, path, mount }: InitContainerParts, nodesMap: string): object[] {
  const optional = (['onFailure', 'onLostVolume', 'outsideNodes'] as const).filter((key) =>
    departs(settings, key),
  );
  return [
    { name: updaterEnv.nodesConf, value: literal(path) },
    { name: updaterEnv.nodesConfVolume, value: literal(withoutTrailingSlash(mount.mountPath)) },
    { name: updaterEnv.nodesMap, value: nodesMap },
    { name: updaterEnv.serviceAccountDir, value: SERVICE_ACCOUNT_PATH },
    ...optional.map((key) => ({ name: updaterEnv[key], value: settings[key] })),
  ];
}

function withoutTrailingSlash(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, '');
}

/** The kubelet expands `$(NAME)` in env values and reads `$$` as one dollar. */
function literal(value: string): string {
  return value.replaceAll('$', '$$$$');
}
