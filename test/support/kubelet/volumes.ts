/** The volumes of a pod, as directories: filled when the pod starts, those of claims kept between pods. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Client } from '../kubernetes-api/client.ts';
import type {
  ConfigMap,
  ConfigMapSource,
  DownwardItem,
  Projection,
  Volume,
} from '../kubernetes-api/objects.ts';
import { pathOf, resources } from '../kubernetes-api/resources.ts';
import { ApiError } from '../kubernetes-api/status.ts';
import { type Addressed, fieldValue } from './field-ref.ts';

type Files = Record<string, string>;

export type VolumeSources = {
  client: Client;
  /** Where the directory of a claim is. */
  claimDirectory(namespace: string, claim: string): string;
  /** A ConfigMap as the kubelet knows it, which may be an older state than the API's. */
  cachedConfigMap(namespace: string, name: string): ConfigMap | undefined;
};

/** Prepares every volume under `root`; the answer says where each one is. */
export async function prepareVolumes(
  at: Addressed,
  root: string,
  sources: VolumeSources,
): Promise<Map<string, string>> {
  const directories = new Map<string, string>();
  for (const volume of at.pod.spec.volumes ?? []) {
    const claim = volume.persistentVolumeClaim?.claimName;
    const directory = claim
      ? sources.claimDirectory(at.pod.metadata.namespace ?? '', claim)
      : join(root, volume.name);
    directories.set(volume.name, directory);
    if (claim) continue;
    // What a former start of the same pod left is a tmpfs or an emptyDir in real life; only the latter stays.
    if (!volume.emptyDir) rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    writeFiles(directory, await filesOf(volume, at, sources));
  }
  return directories;
}

async function filesOf(volume: Volume, at: Addressed, sources: VolumeSources): Promise<Files> {
  if (volume.emptyDir) return {};
  if (volume.configMap) return configMapFiles(volume.configMap, at, sources);
  if (volume.downwardAPI) return downwardFiles(volume.downwardAPI.items, at);
  if (!volume.projected)
    throw new Error(`the kubelet stand-in does not know the kind of volume ${volume.name}`);
  const parts = volume.projected.sources.map((source) => projectedFiles(source, at, sources));
  return Object.assign({}, ...(await Promise.all(parts))) as Files;
}

async function projectedFiles(source: Projection, at: Addressed, sources: VolumeSources): Promise<Files> {
  if (source.configMap) return configMapFiles(source.configMap, at, sources);
  if (source.downwardAPI) return downwardFiles(source.downwardAPI.items, at);
  if (!source.serviceAccountToken) throw new Error('the kubelet stand-in does not know this projection');
  const { path, expirationSeconds } = source.serviceAccountToken;
  return { [path]: await requestToken(at, sources.client, expirationSeconds) };
}

async function configMapFiles(
  { name, optional, items }: ConfigMapSource,
  { pod }: Addressed,
  { client, cachedConfigMap }: VolumeSources,
): Promise<Files> {
  const namespace = pod.metadata.namespace ?? '';
  const map = cachedConfigMap(namespace, name) ?? (await readConfigMap(client, namespace, name, optional));
  const data = map?.data ?? {};
  if (!items) return data;
  return Object.fromEntries(items.map(({ key, path }) => [path, data[key] ?? '']));
}

async function readConfigMap(
  client: Client,
  namespace: string,
  name: string,
  optional = false,
): Promise<ConfigMap | undefined> {
  try {
    return await client.get<ConfigMap>(pathOf(resources.configmaps, namespace, name));
  } catch (error) {
    if (optional && error instanceof ApiError && error.body.code === 404) return undefined;
    throw error;
  }
}

function downwardFiles(items: DownwardItem[], at: Addressed): Files {
  return Object.fromEntries(items.map(({ path, fieldRef }) => [path, fieldValue(fieldRef.fieldPath, at)]));
}

async function requestToken({ pod }: Addressed, client: Client, expirationSeconds = 3600): Promise<string> {
  const { name, namespace, uid } = pod.metadata;
  const account = pod.spec.serviceAccountName || 'default';
  const path = pathOf(resources.serviceaccounts, namespace, account, 'token');
  const { status } = await client.create<{ status: { token: string } }>(path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
  });
  return status.token;
}

function writeFiles(directory: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}
