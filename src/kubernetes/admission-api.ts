import { AppsV1Api, CoreV1Api } from '@kubernetes/client-node';
import type { AdmissionPorts } from '../admission/handle.ts';
import type { Failure } from '../errors.ts';
import { apiFailure } from './api-failure.ts';
import { PooledKubeConfig } from './client.ts';
import { listLimitRanges } from './limit-ranges.ts';
import { findStatefulSet, followLabelledStatefulSets } from './statefulset-lookup.ts';

/** A pod may need two calls one after the other, and the API server gives us 5 s for all. */
const ADMISSION_CALL_TIMEOUT_MS = 2_000;
/** A list of a large cluster takes its time, and nobody waits for it. */
const LIST_TIMEOUT_MS = 30_000;

export type AdmissionApi = AdmissionPorts & {
  isSynced(): boolean;
  /** Milliseconds since the epoch; 0 before the first event. */
  lastEventMs(): number;
  stop(): Promise<void>;
};

/** Connects admission to the Kubernetes API. A watch that fails is reported and taken up again for ever. */
export function connectAdmissionApi(onWatchError: (failure: Failure) => void): AdmissionApi {
  const config = new PooledKubeConfig(ADMISSION_CALL_TIMEOUT_MS);
  const apps = config.makeApiClient(AppsV1Api);
  const core = config.makeApiClient(CoreV1Api);
  const statefulSets = followLabelledStatefulSets(new PooledKubeConfig(LIST_TIMEOUT_MS), {
    onError: (error) => onWatchError(apiFailure(error, 'follow the labelled StatefulSets')),
    now: Date.now,
    random: Math.random,
  });
  return {
    findStatefulSet: (owner) => findStatefulSet(statefulSets, apps, owner),
    listLimitRanges: (namespace) => listLimitRanges(core, namespace),
    isSynced: statefulSets.isSynced,
    lastEventMs: statefulSets.lastEventMs,
    stop: statefulSets.stop,
  };
}
