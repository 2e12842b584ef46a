/** What becomes of a start when the API did not serve us in time: the annotation `on-failure`. */
import { type Facts, refusalWithoutApi } from '../addresses/announce-then-look.ts';
import type { NodeMap } from '../addresses/node-map.ts';
import type { Resolution } from '../addresses/resolution.ts';
import { resolveWithoutApi } from '../addresses/resolve.ts';
import { exitCodes, Failure } from '../errors.ts';
import type { Config } from './config.ts';
import { refusalFailure } from './sentences.ts';
import type { Settled } from './settle.ts';

type GaveUp = Extract<Settled, { kind: 'gave-up' }>;

/**
 * `continue`: our own line corrected, and a peer's only where it has what is our address now; redis starts rather
 * than not at all.
 * @throws Failure 65 for a refusal, and what `settle` gave up with for everything else: `block`; trouble that is
 *   not the API's; and a node without a file, since nobody has confirmed that it is not a lost master.
 */
export function withoutApi(
  { error, state }: GaveUp,
  facts: Facts,
  mounted: NodeMap,
  config: Config,
): ReadonlyMap<string, Resolution> {
  const refusal = refusalWithoutApi(state, facts, mounted);
  const isConfirmed = state.step === 'withdrawing';
  const goesOn = config.onFailure === 'continue' && isAboutApi(error);
  if (refusal && (isConfirmed || goesOn)) throw refusalFailure(refusal, config);
  if (!goesOn || facts.node === null) throw error;
  return resolveWithoutApi(facts.node.id, facts.node.lines, facts.self);
}

function isAboutApi(error: unknown): boolean {
  return (
    error instanceof Failure &&
    (error.exitCode === exitCodes.unavailable || error.exitCode === exitCodes.forbidden)
  );
}
