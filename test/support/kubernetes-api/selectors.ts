/**
 * Label and field selectors, as they stand in a query (`a=b,c!=d,e in (f,g),h,!i`) and in objects
 * (`matchLabels`, `matchExpressions`). A selector is a function that says yes or no.
 */
import type { KubernetesObject } from './objects.ts';
import { badRequest } from './status.ts';

export type Labels = Record<string, string>;

/** `undefined` and an empty selector match everything. */
export type LabelSelector = {
  matchLabels?: Labels;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
};

type Requirement = (labels: Labels) => boolean;

const grammar: [RegExp, (key: string, values: string[]) => Requirement][] = [
  [
    /^(\S+?)\s+in\s+\(([^)]*)\)$/,
    (key, values) => (labels) => has(labels, key) && values.includes(labels[key] ?? ''),
  ],
  [
    /^(\S+?)\s+notin\s+\(([^)]*)\)$/,
    (key, values) => (labels) => !has(labels, key) || !values.includes(labels[key] ?? ''),
  ],
  [
    /^([^\s!=]+)\s*!=\s*([^\s=]*)$/,
    (key, [value]) =>
      (labels) =>
        labels[key] !== value,
  ],
  [
    /^([^\s!=]+)\s*==?\s*([^\s=]*)$/,
    (key, [value]) =>
      (labels) =>
        labels[key] === value,
  ],
  [/^!\s*([^\s!=()]+)$/, (key) => (labels) => !has(labels, key)],
  [/^([^\s!=()]+)$/, (key) => (labels) => has(labels, key)],
];

const has = (labels: Labels, key: string) => Object.hasOwn(labels, key);

/** Parses a `labelSelector` query; a malformed one is a 400. */
export function parseLabelSelector(text: string): (object: KubernetesObject) => boolean {
  // A comma separates requirements only outside of parentheses.
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  const requirements = text.trim() === '' ? [] : parts.map(parseRequirement);
  return (object) => requirements.every((matches) => matches(object.metadata.labels ?? {}));
}

function parseRequirement(part: string): Requirement {
  for (const [form, build] of grammar) {
    const match = form.exec(part);
    if (match)
      return build(
        match[1] ?? '',
        (match[2] ?? '').split(',').map((value) => value.trim()),
      );
  }
  throw badRequest(`unable to parse requirement: found '${part}'`);
}

/** Whether labels match a selector object, as webhook configurations hold it. */
export function matchesLabels(selector: LabelSelector | undefined, labels: Labels): boolean {
  const equal = Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    equal &&
    (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const included = has(labels, key) && values.includes(labels[key] ?? '');
      if (operator === 'In') return included;
      if (operator === 'NotIn') return !included;
      return operator === 'Exists' ? has(labels, key) : !has(labels, key);
    })
  );
}

const fields: Record<string, (object: KubernetesObject) => unknown> = {
  'metadata.name': (object) => object.metadata.name,
  'metadata.namespace': (object) => object.metadata.namespace,
  'spec.nodeName': (object) => (object.spec as { nodeName?: string } | undefined)?.nodeName ?? '',
  'status.phase': (object) => (object.status as { phase?: string } | undefined)?.phase ?? '',
};

/** Parses a `fieldSelector` query (equality and inequality of a few fields); an unknown field is a 400. */
export function parseFieldSelector(text: string): (object: KubernetesObject) => boolean {
  const requirements = text
    .split(',')
    .filter((part) => part)
    .map((part) => {
      const [, path = '', operator, wanted] = /^([^!=]+)(!=|==?)(.*)$/.exec(part) ?? [];
      const field = fields[path];
      if (!field) throw badRequest(`field label not supported: ${path || part}`);
      return (object: KubernetesObject) => (field(object) === wanted) === (operator !== '!=');
    });
  return (object) => requirements.every((matches) => matches(object));
}
