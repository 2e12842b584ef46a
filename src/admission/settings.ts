import { posix } from 'node:path';
import { annotations } from '../names.ts';
import type { StatefulSet } from './owner.ts';
import type { Objection } from './reasons.ts';
import type { Pod } from './shapes.ts';

/** What the annotations ask for; the first choice of each is its default. */
const choices = {
  order: ['first', 'last'],
  onFailure: ['block', 'continue'],
  onLostVolume: ['refuse', 'start'],
  outsideNodes: ['park', 'keep'],
  serviceAccount: ['switch', 'keep'],
} as const;

type Choices = { [K in keyof typeof choices]: (typeof choices)[K][number] };
export type Settings = Choices & { container: string | undefined; nodesConf: string | undefined };

/** PATH_MAX of Linux. */
const PATH_MAX_BYTES = 4096;

/** Reads the annotations of the pod and of its StatefulSet; the pod's win. They are untrusted. */
export function readSettings(pod: Pod, statefulSet: StatefulSet | undefined): Settings | Objection {
  const read = (name: string) =>
    pod.metadata.annotations?.[name] ?? statefulSet?.metadata?.annotations?.[name];

  const nodesConf = read(annotations.nodesConf);
  if (nodesConf !== undefined && !isNormalPath(nodesConf)) {
    const expected = `an absolute path of at most ${PATH_MAX_BYTES} bytes without "..", "//" and control characters`;
    return { reason: 'invalid-annotation', annotation: annotations.nodesConf, value: nodesConf, expected };
  }
  const chosen: Record<string, string> = {};
  for (const [key, allowed] of Object.entries(choices)) {
    const annotation = annotations[key as keyof Choices];
    const value = read(annotation) ?? allowed[0];
    if (!(allowed as readonly string[]).includes(value)) {
      return { reason: 'invalid-annotation', annotation, value, expected: `"${allowed.join('" or "')}"` };
    }
    chosen[key] = value;
  }
  return { ...(chosen as Choices), nodesConf, container: read(annotations.container) };
}

/** Whether the setting departs from its default. */
export function departs(settings: Settings, key: keyof Choices): boolean {
  return settings[key] !== choices[key][0];
}

function isNormalPath(path: string): boolean {
  return (
    posix.isAbsolute(path) &&
    posix.normalize(path) === path &&
    !path.endsWith('/') &&
    // Control characters, and those that reorder a text or cannot be seen in it.
    !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(path) &&
    Buffer.byteLength(path) <= PATH_MAX_BYTES
  );
}
