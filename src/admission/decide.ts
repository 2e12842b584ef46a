import { INIT_CONTAINER, INJECT_LABEL } from '../names.ts';
import { announcedElsewhere } from './announced.ts';
import { chooseContainer } from './container.ts';
import type { Updater } from './init-container.ts';
import { type Injection, injection } from './inject.ts';
import { persistentMount } from './mount.ts';
import { findNodesConf } from './nodes-conf-path.ts';
import { controllingStatefulSet, type Owner, type StatefulSet } from './owner.ts';
import { isObjection, type Objection, type Remark } from './reasons.ts';
import { updaterResources } from './resources.ts';
import { updaterSecurityContext } from './security-context.ts';
import { newServiceAccount } from './service-account.ts';
import { readSettings } from './settings.ts';
import type { Pod } from './shapes.ts';
import { subPathEnv } from './subpath-env.ts';

/** An injection that nothing in the pod speaks against; `raised` says that LimitRanges may. */
export type Plan = {
  injection: Injection;
  container: string;
  path: string;
  raised: boolean;
  remarks: Remark[];
};

/** What the pod alone tells: why it is left alone, or which StatefulSet has to be asked. */
export function triage(pod: Pod, namespace: string): Owner | Objection {
  if (pod.metadata.labels?.[INJECT_LABEL] === 'false') return { reason: 'opted-out' };
  if (pod.spec.initContainers?.some(({ name }) => name === INIT_CONTAINER)) {
    return { reason: 'already-injected' };
  }
  return controllingStatefulSet(pod, namespace) ?? { reason: 'not-statefulset' };
}

/**
 * What is injected into a pod of a StatefulSet, or why nothing is.
 * @param statefulSet undefined if it is gone: then the pod's own label and annotations count alone.
 */
export function decide(pod: Pod, statefulSet: StatefulSet | undefined, updater: Updater): Plan | Objection {
  if (!isLabelled(pod, statefulSet)) return { reason: 'not-labelled' };
  // Allowed with a warning, as with a volume that is not persistent: no change to the pod could make it work,
  // and denying it would only take away a redis that ran before somebody labelled it.
  if (pod.spec.os?.name === 'windows') return { reason: 'not-linux' };

  const settings = readSettings(pod, statefulSet);
  if (isObjection(settings)) return settings;
  const container = chooseContainer(pod, settings.container);
  if (isObjection(container)) return container;
  const setting = announcedElsewhere(container, pod);
  if (setting !== undefined) return { reason: 'announced-elsewhere', setting };
  const volumes = pod.spec.volumes ?? [];
  const path = settings.nodesConf ?? findNodesConf(container, volumes);
  const mount = persistentMount(container, volumes, path);
  if (!mount) return { reason: 'not-persistent', path };
  const env = subPathEnv(container, mount);
  if (isObjection(env)) return env;

  const { resources, raised } = updaterResources(container);
  const { context: securityContext, remarks } = updaterSecurityContext(pod, container);
  const serviceAccount = newServiceAccount(pod, settings);
  const parts = { updater, settings, path, mount, env, securityContext, resources };
  return {
    injection: injection(parts, container.name, serviceAccount),
    container: container.name,
    path,
    raised,
    remarks: serviceAccount ? ['service-account-switched', ...remarks] : remarks,
  };
}

function isLabelled(pod: Pod, statefulSet: StatefulSet | undefined): boolean {
  return (
    pod.metadata.labels?.[INJECT_LABEL] === 'true' || statefulSet?.metadata?.labels?.[INJECT_LABEL] === 'true'
  );
}
