import type { Remark } from './reasons.ts';
import type { Container, Pod } from './shapes.ts';

/** Holds for every user that the updater may run as; what the Pod Security Standards ask in any case. */
const LOCKED_DOWN = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

/**
 * The updater runs as the user that redis runs as, since it replaces redis's file.
 *
 * | runAsUser (container, else pod) | runAsNonRoot | the updater                                       |
 * |---------------------------------|--------------|---------------------------------------------------|
 * | not 0                           |              | that user, no capability (restricted)             |
 * | unknown                         | true         | its image's user, who relies on fsGroup (restricted) |
 * | 0, or unknown                   | not true     | root with three capabilities (baseline), since the image of redis may start as root and switch users itself |
 *
 * seLinuxOptions and runAsGroup are copied from the container; those of the pod are inherited.
 */
export function updaterSecurityContext(
  pod: Pod,
  container: Container,
): { context: object; remarks: Remark[] } {
  const runAsUser = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  const runAsNonRoot = container.securityContext?.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot;
  const { runAsGroup, seLinuxOptions } = container.securityContext ?? {};
  const copied = {
    ...(typeof runAsGroup === 'number' ? { runAsGroup } : {}),
    ...(seLinuxOptions ? { seLinuxOptions } : {}),
  };
  if (runAsUser) {
    const context = { runAsUser, runAsNonRoot: true, ...copied, ...restricted() };
    return { context, remarks: [] };
  }
  if (runAsNonRoot && typeof runAsUser !== 'number') {
    const hasGroup = typeof pod.spec.securityContext?.fsGroup === 'number';
    const context = { runAsNonRoot: true, ...copied, ...restricted() };
    return { context, remarks: hasGroup ? [] : ['unknown-user'] };
  }
  return { context: { runAsUser: 0, runAsNonRoot: false, ...copied, ...rootOnAnyFile() }, remarks: [] };
}

function restricted(): object {
  return { ...LOCKED_DOWN, capabilities: { drop: ['ALL'] } };
}

/** Read and replace a file of any owner and mode (DAC_OVERRIDE, FOWNER), and give the new one the same (CHOWN). */
function rootOnAnyFile(): object {
  return {
    ...LOCKED_DOWN,
    capabilities: { drop: ['ALL'], add: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'] },
  };
}
