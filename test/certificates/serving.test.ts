import t from 'tap';
import { isTooNew, shouldIssue } from '../../src/certificates/serving.ts';

const LIFETIMES = { caMs: 900, servingMs: 90, settleMs: 5 };
const of = (authority: string, notAfterMs = 1090, notBeforeMs = 0) => ({
  cert: 'cert',
  key: 'key',
  notBeforeMs,
  notAfterMs,
  authority,
});
const certificate = { pem: '', fingerprint: 'B', notBeforeMs: 0, notAfterMs: 2000 };
const authority = { certificate, key: '', retiring: [] };

t.test('when a replica signs a new certificate; the CA is B, the time 1000', (t) => {
  type Row = [string, ReturnType<typeof of> | undefined, string, number | undefined, boolean];
  const table: Row[] = [
    // served, caBundle, for how long B has been in it
    ['none yet: at once, there is nothing to lose', undefined, '', undefined, true],
    ['of B, fresh', of('B'), 'B', 0, false],
    ['of B, two thirds over but one', of('B', 1031), 'B', 100, false],
    ['of B, two thirds over', of('B', 1030), 'B', 100, true],
    ['of B, expired', of('B', 999), 'B', 100, true],
    ['of B, not valid yet: the clock went back', of('B', 1090, 1001), 'B', 100, true],
    ['of B, which is not in the caBundle: another one would not help', of('B'), '', undefined, false],
    ['of A, B not in the caBundle', of('A'), 'A', undefined, false],
    ["of A, also when it is due: A's key is gone", of('A', 1001), 'A', undefined, false],
    ['of A, B just came', of('A'), 'AB', 0, false],
    ['of A, B came a moment ago', of('A'), 'AB', 4, false],
    ['of A, B has been there for long enough', of('A'), 'AB', 5, true],
    ['of A, expired: nobody accepts it, so now', of('A', 999), 'A', undefined, true],
    ['of A, not valid yet', of('A', 1090, 1001), 'AB', 0, true],
    ['of A, which was thrown out of the caBundle', of('A'), 'B', 0, true],
    ['of A, and the caBundle is empty', of('A'), '', undefined, true],
  ];
  for (const [name, serving, trusted, trustedForMs, expected] of table) {
    const view = { serving, authority, trusted: new Set(trusted), trustedForMs };
    t.equal(shouldIssue(view, LIFETIMES, 1000), expected, name);
  }
  t.end();
});

t.test('when a replica that just started waits with being ready', (t) => {
  const table: [string, string, number | undefined, boolean][] = [
    // caBundle, for how long the CA of what is served has been in it
    ['the first installation: only ours', 'B', 0, false],
    ['ours just came beside another', 'AB', 0, true],
    ['a moment ago', 'AB', 4, true],
    ['for long enough', 'AB', 5, false],
    ['others, and not ours', 'AX', undefined, true],
    ['the others are gone meanwhile', 'B', 4, false],
  ];
  for (const [name, trusted, trustedForMs, expected] of table)
    t.equal(isTooNew({ trusted: new Set(trusted), trustedForMs }, LIFETIMES), expected, name);
  t.end();
});
