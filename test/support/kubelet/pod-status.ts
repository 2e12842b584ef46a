/** A pod's status, out of what its worker knows: pure. */
import type {
  Condition,
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodStatus,
} from '../kubernetes-api/objects.ts';
import { HOST_IP } from './field-ref.ts';

export type ContainerFacts = {
  state: ContainerState;
  lastState: ContainerState;
  restartCount: number;
  ready: boolean;
};

/** All that a worker knows about its pod; a container without facts waits. */
export type PodFacts = {
  ip: string;
  startTime: string;
  initialized: boolean;
  containers: ReadonlyMap<string, ContainerFacts>;
};

/** A timestamp as Kubernetes writes it: whole seconds. */
export const timestamp = (date: Date) => date.toISOString().replace(/\.\d+Z$/, 'Z');

/** The status to publish; `previous` is what was published before. */
export function podStatus(pod: Pod, facts: PodFacts, previous: PodStatus | undefined, now: Date): PodStatus {
  const status = (containers: Container[] | undefined) =>
    (containers ?? []).map((container) => containerStatus(container, facts));
  const containerStatuses = status(pod.spec.containers);
  const ready = containerStatuses.every((container) => container.ready);
  const running = facts.initialized && containerStatuses.some((container) => container.started);
  const flags = {
    PodScheduled: true,
    PodReadyToStartContainers: true,
    Initialized: facts.initialized,
    ContainersReady: ready,
    Ready: ready,
  };
  return {
    phase: running ? 'Running' : 'Pending',
    hostIP: HOST_IP,
    podIP: facts.ip,
    podIPs: [{ ip: facts.ip }],
    startTime: facts.startTime,
    conditions: Object.entries(flags).map(([type, value]) => condition(type, value, previous, now)),
    initContainerStatuses: status(pod.spec.initContainers),
    containerStatuses,
  };
}

function condition(type: string, value: boolean, previous: PodStatus | undefined, now: Date): Condition {
  const status = value ? 'True' : 'False';
  const before = previous?.conditions?.find((condition) => condition.type === type);
  return before?.status === status ? before : { type, status, lastTransitionTime: timestamp(now) };
}

function containerStatus({ name, image }: Container, { containers }: PodFacts): ContainerStatus {
  const facts = containers.get(name) ?? WAITING;
  return { name, image, imageID: image, started: facts.state.running !== undefined, ...facts };
}

export const WAITING: ContainerFacts = {
  state: { waiting: { reason: 'PodInitializing' } },
  lastState: {},
  restartCount: 0,
  ready: false,
};
