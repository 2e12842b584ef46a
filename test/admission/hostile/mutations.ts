/** What may happen to a review, as data that fast-check makes and shrinks: to its JSON, or to its bytes. */
import fc from 'fast-check';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const nested = (levels: number): Json => (levels === 0 ? [] : { a: nested(levels - 1) });
const text = 'x'.repeat(10_000);

const keys = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '0', '-1', ''],
  ...['a/b', 'a~b', '~1', '~0', '/', '~', '.', '..', '$ref', '\u0000', '\n', '\u202e', '\ud800', text],
  ...['redis-ip-updater.io/inject', 'redis-ip-updater.io/injected', 'redis-ip-updater.io/status'],
  ...['redis-ip-updater.io/container', 'redis-ip-updater.io/nodes-conf', 'redis-ip-updater.io/order'],
  ...['redis-ip-updater.io/on-failure', 'redis-ip-updater.io/service-account', 'restartPolicy', 'name', 'os'],
  ...['initContainers', 'ephemeralContainers', 'volumes', 'labels', 'annotations', 'subPathExpr', 'envFrom'],
];
const polluting = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
const values: Json[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e308,
    2 ** 53,
    '',
    'redis',
    'redis-ip-updater',
    'true',
    'false',
    'Always',
  ],
  ...[
    'windows',
    '/data',
    '/nodes',
    '/',
    '//',
    '../..',
    '/data/../x',
    'data',
    '~1',
    '~0',
    '-',
    '0',
    '1Mi',
    'm',
  ],
  ...[
    '\u0000',
    'a\nb',
    '\u009b2J',
    '\u202eabc',
    '\ud800',
    '$(POD_NAME)',
    '$$',
    '$(',
    '`id`',
    '; rm -rf /',
    "'",
    '"',
  ],
  ...[[], {}, [null], [[]], [{}], { a: null }, { name: 'redis-ip-updater' }, [{ name: 'redis-ip-updater' }]],
  ...[
    { name: null },
    { name: 'redis', image: 'redis' },
    polluting,
    [polluting],
    nested(40),
    nested(95),
    nested(120),
  ],
  ...[text, Array.from({ length: 200 }, () => null), 'admission.k8s.io/v1beta1', 'UPDATE', 'Deployment'],
];

const place = fc.nat(100_000);
const change = fc.record({
  kind: fc.constantFrom('replaced', 'replaced', 'removed', 'added', 'renamed', 'moved', 'doubled', 'emptied'),
  place,
  otherPlace: place,
  key: fc.constantFrom(...keys),
  value: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...values) },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json> },
  ),
});
export type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
export const changes = fc.array(change, { minLength: 1, maxLength: 5 });

/** A copy of `value` with the changes made, each at the place that it has in what the one before left. */
export function changed<T extends Json>(value: T, list: readonly Change[]): Json {
  const root: Json = { root: copy(value) };
  for (const one of list) applyChange(root, one);
  return root.root ?? null;
}

function applyChange(root: Json, { kind, place, otherPlace, key, value }: Change): void {
  const members = membersOf(root);
  const chosen = members[place % members.length];
  const other = members[otherPlace % members.length];
  if (!chosen || !other) return;
  const fresh = copy(value);
  if (kind === 'replaced') set(chosen, fresh);
  else if (kind === 'emptied') set(chosen, Array.isArray(get(chosen)) ? [] : {});
  else if (kind === 'moved') set(other, copy(get(chosen)));
  else if (kind === 'added') add(chosen.parent, key, fresh);
  else if (kind === 'doubled') add(chosen.parent, key, copy(get(chosen)));
  else {
    const was = get(chosen);
    remove(chosen);
    if (kind === 'renamed') add(chosen.parent, key, was);
  }
}

type Parent = Json[] | { [key: string]: Json };
type Member = { parent: Parent; key: string };

/** Every member and element at any depth, those of `root` itself first. */
function membersOf(root: Json): Member[] {
  if (root === null || typeof root !== 'object') return [];
  return Object.keys(root).flatMap((key) => [
    { parent: root, key },
    ...membersOf(get({ parent: root, key })),
  ]);
}

function get({ parent, key }: Member): Json {
  return Object.getOwnPropertyDescriptor(parent, key)?.value;
}

/** A member of that key, or a last element. */
function add(parent: Parent, key: string, value: Json): void {
  if (Array.isArray(parent)) parent.push(value);
  else set({ parent, key }, value);
}

function copy(value: Json): Json {
  return JSON.parse(JSON.stringify(value));
}

/** As JSON.parse does it: `__proto__` is a member like any other. */
function set({ parent, key }: Member, value: Json): void {
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
}

function remove({ parent, key }: Member): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

/** Damage to bytes: each cuts, flips or inserts at a place given in millionths of the length. */
export const damage = fc.array(
  fc.record({
    kind: fc.constantFrom('cut', 'flipped', 'inserted', 'lost'),
    place: fc.nat(999_999),
    byte: fc.nat(255),
  }),
  { minLength: 1, maxLength: 4 },
);
export type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

export function damaged(bytes: Buffer, list: Damage): Buffer {
  return list.reduce((buffer, { kind, place, byte }) => {
    const at = Math.floor((place / 1_000_000) * buffer.length);
    const [head, tail] = [buffer.subarray(0, at), buffer.subarray(at)];
    if (kind === 'cut') return head;
    if (kind === 'lost') return Buffer.concat([head, tail.subarray(1 + (byte % 16))]);
    if (kind === 'inserted') return Buffer.concat([head, Buffer.from([byte]), tail]);
    return Buffer.concat([head, Buffer.from([(tail[0] ?? 0) ^ (1 << (byte % 8))]), tail.subarray(1)]);
  }, bytes);
}
