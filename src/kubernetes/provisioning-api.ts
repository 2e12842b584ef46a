/** What provisioning writes, and what it asks before it removes anything. Calls reject with a Failure. */
import {
  AppsV1Api,
  CoreV1Api,
  PatchStrategy,
  RbacAuthorizationV1Api,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { NODES_CONFIG_MAP, PROJECT } from '../names.ts';
import type { Obstacle } from '../provisioning/decide.ts';
import { obstacleEvent } from '../provisioning/event.ts';
import type { NamespaceObject } from '../provisioning/objects.ts';
import type { Entry } from '../provisioning/scaled-away.ts';
import { type StatefulSetView, viewStatefulSet } from '../provisioning/views.ts';
import { attempt, isConflict, isNotFound, isUnprocessable } from './api-failure.ts';
import type { PooledKubeConfig } from './client.ts';

export type ProvisioningApi = {
  /** Makes the object, or changes the one with that uid. Only the fields that are given are touched. */
  apply(object: NamespaceObject, uid: string | undefined): Promise<void>;
  readStatefulSet(namespace: string, name: string): Promise<StatefulSetView | undefined>;
  podExists(namespace: string, name: string): Promise<boolean>;
  /** Removes an entry if its value is still that; gives the map's resourceVersion, undefined if it is not. */
  removeEntry(namespace: string, entry: Entry): Promise<string | undefined>;
  /** Puts an entry back, unless the pod has recorded itself since. */
  restoreEntry(namespace: string, entry: Entry, resourceVersion: string): Promise<void>;
  /** Tells the namespace of an obstacle, once for all replicas. */
  tell(obstacle: Obstacle, now: Date): Promise<void>;
};

const APPLY = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply);
const MERGE_PATCH = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
const JSON_PATCH = setHeaderOptions('Content-Type', PatchStrategy.JsonPatch);
/** Each failed attempt is a write of somebody else's that succeeded. */
const RESTORE_ATTEMPTS = 10;

export function createProvisioningApi(config: PooledKubeConfig): ProvisioningApi {
  const core = config.makeApiClient(CoreV1Api);
  const apps = config.makeApiClient(AppsV1Api);
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  const patchMap = (namespace: string, body: object, type: typeof JSON_PATCH) =>
    core.patchNamespacedConfigMap({ name: NODES_CONFIG_MAP, namespace, body }, type);

  return {
    async apply(object, uid) {
      const { name = '', namespace = '' } = object.metadata ?? {};
      const request = {
        name,
        namespace,
        body: uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } },
        fieldManager: PROJECT,
        // Where we saw nothing, nothing is to be overruled: an object that came meanwhile is somebody's.
        force: uid !== undefined,
      };
      await attempt(`apply ${object.kind} ${namespace}/${name}`, () => patch(request, object.kind));
    },

    readStatefulSet: (namespace, name) =>
      attempt(`read the StatefulSet ${namespace}/${name}`, () =>
        unlessMissing(async () => viewStatefulSet(await apps.readNamespacedStatefulSet({ namespace, name }))),
      ),

    podExists: (namespace, name) =>
      attempt(`read the Pod ${namespace}/${name}`, async () => {
        return (await unlessMissing(() => core.readNamespacedPod({ namespace, name }))) !== undefined;
      }),

    removeEntry: (namespace, { pod, id }) =>
      attempt(`remove ${pod} from ${NODES_CONFIG_MAP} of ${namespace}`, async () => {
        const path = `/data/${pod}`;
        try {
          const operations = [
            { op: 'test', path, value: id },
            { op: 'remove', path },
          ];
          const map = await patchMap(namespace, operations, JSON_PATCH);
          return map.metadata?.resourceVersion;
        } catch (error) {
          if (isUnprocessable(error) || isNotFound(error)) return undefined;
          throw error;
        }
      }),

    restoreEntry: (namespace, { pod, id }, resourceVersion) =>
      attempt(`put ${pod} back into ${NODES_CONFIG_MAP} of ${namespace}`, async () => {
        let version: string | undefined = resourceVersion;
        for (let attempts = 1; ; attempts += 1) {
          try {
            // A merge patch with a resourceVersion is refused when the map has changed since.
            const body = { metadata: { resourceVersion: version }, data: { [pod]: id } };
            await patchMap(namespace, body, MERGE_PATCH);
            return;
          } catch (error) {
            if (!isConflict(error) || attempts === RESTORE_ATTEMPTS) throw error;
          }
          const map = await core.readNamespacedConfigMap({ name: NODES_CONFIG_MAP, namespace });
          if (map.data?.[pod] !== undefined) return;
          version = map.metadata?.resourceVersion;
        }
      }),

    tell: (obstacle, now) =>
      attempt('create an Event', async () => {
        const body = obstacleEvent(obstacle, now);
        try {
          await core.createNamespacedEvent({ namespace: body.metadata.namespace ?? '', body });
        } catch (error) {
          // Told already, by another replica or before a restart.
          if (!isConflict(error)) throw error;
        }
      }),
  };

  function patch(request: Parameters<CoreV1Api['patchNamespacedConfigMap']>[0], kind: string | undefined) {
    switch (kind) {
      case 'ServiceAccount':
        return core.patchNamespacedServiceAccount(request, APPLY);
      case 'Role':
        return rbac.patchNamespacedRole(request, APPLY);
      case 'RoleBinding':
        return rbac.patchNamespacedRoleBinding(request, APPLY);
      case 'ConfigMap':
        return core.patchNamespacedConfigMap(request, APPLY);
      default:
        throw new Error(`no ${kind} is provisioned`);
    }
  }
}

async function unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
