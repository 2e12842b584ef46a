import type { StatefulSetView } from './views.ts';

/** An entry of the map: a pod's name and the node id that is recorded for it. */
export type Entry = { pod: string; id: string };

/** An entry that may have to go, and the StatefulSet that its pod belonged to. */
export type Candidate = Entry & { statefulSet: string; ordinal: number };

/** A pod's name is its StatefulSet's, a hyphen, and the ordinal as the controller writes it. */
const POD_NAME = /^(?<statefulSet>.+)-(?<ordinal>0|[1-9]\d*)$/;

/**
 * The entries of pods that a StatefulSet was scaled away from. What the caches say may be old: whoever removes
 * an entry asks the API again with `isScaledAway`, and for the pod.
 */
export function scaledAway(
  entries: Readonly<Record<string, string>>,
  statefulSets: readonly StatefulSetView[],
): Candidate[] {
  const byName = new Map(statefulSets.map((statefulSet) => [statefulSet.metadata.name, statefulSet]));
  return Object.entries(entries)
    .map(([pod, id]) => candidate({ pod, id }))
    .filter((entry) => entry !== undefined)
    .filter((entry) => isScaledAway(byName.get(entry.statefulSet), entry.ordinal));
}

function candidate({ pod, id }: Entry): Candidate | undefined {
  const { statefulSet, ordinal } = POD_NAME.exec(pod)?.groups ?? {};
  if (statefulSet === undefined) return undefined;
  return { pod, id, statefulSet, ordinal: Number(ordinal) };
}

/**
 * Whether a StatefulSet was scaled away from an ordinal: it exists, is injected, its controller has done what
 * its spec asks, and the ordinal is above all that it wants. Not when it is absent (deleted with
 * --cascade=orphan, to be made again), and not at zero replicas: that stops a cluster that will be back, and
 * its entries are what a lost volume is noticed by. Ordinals below the first are another cluster's half of a
 * migration.
 */
export function isScaledAway(statefulSet: StatefulSetView | undefined, ordinal: number): boolean {
  if (!statefulSet) return false;
  const { injected, settled, replicas, firstOrdinal } = statefulSet;
  return injected && settled && replicas > 0 && ordinal >= firstOrdinal + replicas;
}
