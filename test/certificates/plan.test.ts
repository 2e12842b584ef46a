/** The rule of the shared state as a table, and from anywhere to rest. */
import fc from 'fast-check';
import t from 'tap';
import type { Authority, Retiring } from '../../src/certificates/authority.ts';
import type { Certificate } from '../../src/certificates/certificate.ts';
import { isDue, type Lifetimes, retirementMs } from '../../src/certificates/lifetimes.ts';
import { nextStep, RETIRING_MAX, type Shared } from '../../src/certificates/plan.ts';

const LIFETIMES: Lifetimes = { caMs: 900, servingMs: 90, settleMs: 5 };
/** When a CA that stops signing at 1000 leaves the caBundle. */
const UNTIL = 1000 + 135 + 5;
const NOW = 1000;

/** A CA of 900 ms that was made at 900, unless told otherwise. */
const ca = (name: string, times: Partial<Certificate> = {}): Certificate => ({
  pem: `${name}\n`,
  fingerprint: name,
  notBeforeMs: 0,
  notAfterMs: 1800,
  ...times,
});
const old = (name: string, untilMs: number, notAfterMs = 5000): Retiring => ({
  ...ca(name, { notAfterMs }),
  untilMs,
});
const holding = (
  certificate: Certificate,
  retiring: readonly Retiring[] = [],
  rotationAsked = false,
): Shared['secret'] => ({
  kind: 'authority',
  authority: { certificate, key: 'key', retiring },
  rotationAsked,
});
const [A, B, X] = [ca('A'), ca('B'), ca('X')];

/** A step in a few words: what is done, why, and to which CAs. */
function summary(shared: Shared, nowMs = NOW): string {
  const step = nextStep(shared, LIFETIMES, nowMs);
  const list = (certificates: readonly (Certificate | Retiring)[]) =>
    certificates
      .map((each) => ('untilMs' in each ? `${each.fingerprint}@${each.untilMs}` : each.fingerprint))
      .join(' ');
  switch (step.kind) {
    case 'rest':
      return 'rest';
    case 'new-authority': {
      const after = step.previous ? ` after ${step.previous.fingerprint}` : '';
      return `new CA, ${step.occasion.reason}${after}, retiring [${list(step.retiring)}]`;
    }
    case 'change-retiring':
      return `retiring [${list(step.authority.retiring)}]`;
    case 'write-bundle':
      return `caBundle [${list(step.certificates.map(({ fingerprint }) => ca(fingerprint)))}]`;
  }
}

t.test('the next step', (t) => {
  const absent = { kind: 'absent' } as const;
  const unusable = { kind: 'unusable', why: 'w' } as const;
  const table: [string, Shared, string][] = [
    ['first start', { secret: absent, trusted: [] }, 'new CA, created, retiring []'],
    ['no webhook yet', { secret: absent, trusted: undefined }, 'new CA, created, retiring []'],
    ['made, not told', { secret: holding(A), trusted: [] }, 'caBundle [A]'],
    ['made, no webhook to tell', { secret: holding(A), trusted: undefined }, 'caBundle [A]'],
    ['at rest', { secret: holding(A), trusted: [A] }, 'rest'],
    ['at rest, in another order', { secret: holding(B, [old('A', 1001)]), trusted: [A, B] }, 'rest'],

    ['Secret deleted', { secret: absent, trusted: [A] }, `new CA, deleted, retiring [A@${UNTIL}]`],
    ['Secret is rubbish', { secret: unusable, trusted: [A] }, `new CA, unusable, retiring [A@${UNTIL}]`],
    ['two at its deletion', { secret: absent, trusted: [A, B] }, `new CA, deleted, retiring [A@1140 B@1140]`],
    [
      'an expired one is forgotten',
      { secret: absent, trusted: [ca('A', { notAfterMs: 1000 })] },
      'new CA, created, retiring []',
    ],

    ['asked', { secret: holding(A, [], true), trusted: [A] }, 'new CA, asked after A, retiring [A@1140]'],
    [
      'asked during a rotation',
      { secret: holding(B, [old('A', 1050)], true), trusted: [A, B] },
      'new CA, asked after B, retiring [B@1140 A@1050]',
    ],
    [
      'due',
      { secret: holding(ca('A', { notAfterMs: 1300 })), trusted: [A] },
      'new CA, due after A, retiring [A@1140]',
    ],
    [
      'expired',
      { secret: holding(ca('A', { notAfterMs: 999 })), trusted: [] },
      'new CA, due after A, retiring [A@1140]',
    ],
    [
      'not valid yet',
      { secret: holding(ca('A', { notBeforeMs: 1001 })), trusted: [A] },
      'new CA, due after A, retiring [A@1140]',
    ],
    ['not quite due', { secret: holding(ca('A', { notAfterMs: 1301 })), trusted: [A] }, 'rest'],

    [
      'a new CA is added, the old one stays',
      { secret: holding(B, [old('A', 1050)]), trusted: [A] },
      'caBundle [B A]',
    ],
    [
      'somebody emptied the caBundle',
      { secret: holding(B, [old('A', 1050)]), trusted: [] },
      'caBundle [B A]',
    ],
    ["the old one's time is not over", { secret: holding(B, [old('A', 1001)]), trusted: [B, A] }, 'rest'],
    [
      'it is over: out of the caBundle',
      { secret: holding(B, [old('A', 1000)]), trusted: [B, A] },
      'caBundle [B]',
    ],
    [
      'and only then out of the Secret',
      { secret: holding(B, [old('A', 1000)]), trusted: [B] },
      'retiring []',
    ],
    [
      'an expired one has no time left',
      { secret: holding(B, [old('A', 1050, 1000)]), trusted: [B, A] },
      'caBundle [B]',
    ],

    ['a stranger may be in use', { secret: holding(A), trusted: [A, X] }, `retiring [X@${UNTIL}]`],
    ['also before ours is there', { secret: holding(A), trusted: [X] }, `retiring [X@${UNTIL}]`],
    ['then it is as one of ours', { secret: holding(A, [old('X', 1140)]), trusted: [X] }, 'caBundle [A X]'],
    [
      'an expired stranger is dropped',
      { secret: holding(A), trusted: [A, ca('X', { notAfterMs: 1000 })] },
      'caBundle [A]',
    ],
  ];
  for (const [name, shared, expected] of table) t.equal(summary(shared), expected, name);
  t.end();
});

t.test('deleting the Secret again and again fills neither Secret nor caBundle', (t) => {
  const many = Array.from({ length: RETIRING_MAX + 4 }, (_, index) => ca(`C${index}`));
  // Newest first, as we write the caBundle.
  const full = many.slice(0, RETIRING_MAX).map((each) => ({ ...each, untilMs: UNTIL }));
  const names = (count: number) => many.slice(0, count).map(({ fingerprint }) => fingerprint);
  const table: [string, Shared, string[]][] = [
    ['more than there is place for', { secret: { kind: 'absent' }, trusted: many }, ['N', ...names(16)]],
    [
      'the newest is unknown: the oldest goes',
      { secret: holding(A, full), trusted: [A, X, ...full] },
      ['A', 'X', ...names(15)],
    ],
    [
      'also where the present one retires',
      { secret: holding(A, full, true), trusted: [A, ...full] },
      ['N', 'A', ...names(15)],
    ],
  ];
  for (const [name, start, expected] of table) {
    let shared = start;
    const kinds: string[] = [];
    for (let round = 0; round < 8 && kinds.at(-1) !== 'rest'; round += 1) {
      const step = nextStep(shared, LIFETIMES, NOW);
      kinds.push(step.kind);
      shared = applied(shared, step, NOW);
    }
    t.equal(kinds.at(-1), 'rest', `${name}: it comes to rest`);
    t.same(
      shared.trusted?.map(({ fingerprint }) => fingerprint),
      expected,
      name,
    );
    const known = shared.secret.kind === 'authority' ? shared.secret.authority.retiring : [];
    t.same(
      known.map(({ fingerprint }) => fingerprint),
      expected.slice(1),
      `${name}: the Secret names the same`,
    );
  }
  t.end();
});

t.test('from any state, and with the clock anywhere, a few steps lead to rest', (t) => {
  const time = fc.integer({ min: 0, max: 3000 });
  const cert = fc
    .record({ name: fc.constantFrom('A', 'B', 'C', 'X', 'Y'), notBeforeMs: time, notAfterMs: time })
    .map(({ name, ...times }) => ca(name, times));
  const retired = fc.tuple(cert, time).map(([certificate, untilMs]) => ({ ...certificate, untilMs }));
  const unique = <T extends Certificate>(list: fc.Arbitrary<T>) =>
    fc.uniqueArray(list, { selector: ({ fingerprint }) => fingerprint, maxLength: 4 });
  const secret: fc.Arbitrary<Shared['secret']> = fc.oneof(
    fc.constant({ kind: 'absent' as const }),
    fc.constant({ kind: 'unusable' as const, why: 'w' }),
    fc
      .record({ certificate: cert, retiring: unique(retired), rotationAsked: fc.boolean() })
      .map(({ certificate, retiring, rotationAsked }) =>
        holding(
          certificate,
          retiring.filter(({ fingerprint }) => fingerprint !== certificate.fingerprint),
          rotationAsked,
        ),
      ),
  );
  fc.assert(
    fc.property(secret, unique(cert), time, (secret, trusted, nowMs) => {
      let shared: Shared = { secret, trusted };
      for (let round = 0; round < 6; round += 1) {
        const step = nextStep(shared, LIFETIMES, nowMs);
        if (step.kind === 'rest') return;
        const before: readonly Certificate[] = shared.trusted ?? [];
        shared = applied(shared, step, nowMs);
        // What was trusted and valid is trusted still, unless its time was stated and is over.
        for (const each of before) {
          if ((shared.trusted ?? []).some(({ fingerprint }) => fingerprint === each.fingerprint)) continue;
          const stated = shared.secret.kind === 'authority' ? shared.secret.authority.retiring : [];
          const own = stated.find(({ fingerprint }) => fingerprint === each.fingerprint);
          if (each.notAfterMs > nowMs && !(own && Math.min(own.untilMs, own.notAfterMs) <= nowMs))
            throw new Error(`${each.fingerprint} was thrown out: ${JSON.stringify(shared)}`);
        }
      }
      throw new Error(`no rest: ${JSON.stringify(shared)}`);
    }),
  );
  t.pass('every state that was tried came to rest, and nothing in use was thrown out');
  t.end();
});

function applied(shared: Shared, step: ReturnType<typeof nextStep>, nowMs: number): Shared {
  switch (step.kind) {
    case 'new-authority': {
      const fresh = ca('N', { notBeforeMs: nowMs - 1, notAfterMs: nowMs + LIFETIMES.caMs });
      return { ...shared, secret: holding(fresh, step.retiring) };
    }
    case 'change-retiring':
      return {
        ...shared,
        secret: { kind: 'authority', authority: step.authority as Authority, rotationAsked: false },
      };
    case 'write-bundle':
      return { ...shared, trusted: step.certificates };
    case 'rest':
      return shared;
  }
}

t.test('due when two thirds are over, by what is left', (t) => {
  const table: [number, number, number, boolean][] = [
    // notBefore, notAfter, lifetime, due at 1000
    [0, 1301, 900, false],
    [0, 1300, 900, true],
    [0, 900, 900, true],
    [1001, 1900, 900, true],
    // Shorter than ours, brought by hand: by its own length.
    [900, 1060, 900, false],
    [900, 1050, 900, true],
    // Longer than ours, after the lifetime was lowered.
    [0, 90_000, 900, false],
  ];
  for (const [notBeforeMs, notAfterMs, lifetimeMs, expected] of table) {
    const due = isDue({ notBeforeMs, notAfterMs }, lifetimeMs, 1000);
    t.equal(due, expected, `${notBeforeMs} to ${notAfterMs} of ${lifetimeMs}`);
  }
  t.ok(retirementMs(LIFETIMES) > LIFETIMES.servingMs + LIFETIMES.settleMs);
  t.end();
});
