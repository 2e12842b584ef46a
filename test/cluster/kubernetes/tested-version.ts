import { exitCodes, Failure } from '../../../src/errors.ts';

export const VERSIONS = ['1.34', '1.36'] as const;
export type Version = (typeof VERSIONS)[number];

/** Names the Kubernetes on which a test file runs: the runner gives each file of the tier every version in turn. */
export const VERSION_VARIABLE = 'KUBERNETES_VERSION';

export const testedVersion: Version = readVersion(process.env[VERSION_VARIABLE]);

/** The newest one for who runs a file by hand and says nothing. */
function readVersion(wanted = '1.36'): Version {
  const version = VERSIONS.find((known) => known === wanted);
  if (version) return version;
  const known = VERSIONS.join(' and ');
  throw new Failure(exitCodes.usage, `${VERSION_VARIABLE} is ${wanted}: there are ${known}`);
}
