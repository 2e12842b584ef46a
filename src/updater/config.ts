/** The updater's settings, from its environment (written by the webhook) and its arguments. */
import { isIP } from 'node:net';
import { posix } from 'node:path';
import { parseArgs } from 'node:util';
import type { OutsideNodes } from '../addresses/resolve.ts';
import { exitCodes, Failure } from '../errors.ts';
import { excerpt } from '../excerpt.ts';
import { NODES_MOUNT_PATH, SERVICE_ACCOUNT_PATH, updaterEnv } from '../names.ts';

export type Config = {
  podName: string;
  podNamespace: string;
  /** The primary first. */
  podIps: [string, ...string[]];
  /** Absolute path of nodes.conf. */
  nodesConf: string;
  /** Mount path of the volume that holds it. */
  nodesConfVolume: string;
  nodesMap: string;
  serviceAccountDir: string;
  apiHost: string;
  apiPort: number;
  onFailure: 'block' | 'continue';
  onLostVolume: 'refuse' | 'start';
  outsideNodes: OutsideNodes;
  /** How long the API may stay silent before we give up. */
  deadlineMs: number;
  dryRun: boolean;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** The kubelet's own back-off grows to 300 s: giving up earlier would be slower. */
const DEADLINE_SECONDS = 300;

/** @throws Failure 64, naming the value that is missing or bad. */
export function readConfig(env: Environment, args: readonly string[]): Config {
  const nodesConf = absolutePath(env, updaterEnv.nodesConf);
  return {
    podName: required(env, updaterEnv.podName),
    podNamespace: required(env, updaterEnv.podNamespace),
    podIps: podIps(env),
    nodesConf,
    nodesConfVolume: absolutePath(env, updaterEnv.nodesConfVolume, posix.dirname(nodesConf)),
    nodesMap: absolutePath(env, updaterEnv.nodesMap, NODES_MOUNT_PATH),
    serviceAccountDir: absolutePath(env, updaterEnv.serviceAccountDir, SERVICE_ACCOUNT_PATH),
    apiHost: required(env, 'KUBERNETES_SERVICE_HOST'),
    apiPort: wholeNumber(env, 'KUBERNETES_SERVICE_PORT', 443, 65_535),
    onFailure: oneOf(env, updaterEnv.onFailure, ['block', 'continue']),
    onLostVolume: oneOf(env, updaterEnv.onLostVolume, ['refuse', 'start']),
    outsideNodes: oneOf(env, updaterEnv.outsideNodes, ['park', 'keep']),
    deadlineMs: wholeNumber(env, updaterEnv.deadlineSeconds, DEADLINE_SECONDS, 86_400) * 1000,
    dryRun: readArguments(args),
  };
}

function readArguments(args: readonly string[]): boolean {
  try {
    const { values } = parseArgs({ args: [...args], options: { 'dry-run': { type: 'boolean' } } });
    return values['dry-run'] ?? false;
  } catch (cause) {
    throw new Failure(
      exitCodes.usage,
      `${(cause as Error).message.replace(/\.?$/, '.')} The one option is --dry-run.`,
      { cause },
    );
  }
}

/** POD_IPS lists both families, the primary first; clusters of one family may leave it out. */
function podIps(env: Environment): [string, ...string[]] {
  const primary = required(env, updaterEnv.podIp);
  const others = (env[updaterEnv.podIps] ?? '').split(',').filter((ip) => ip !== '' && ip !== primary);
  const bad = [primary, ...others].find((ip) => isIP(ip) === 0);
  if (bad !== undefined)
    throw usage(`The environment variable POD_IP or POD_IPS holds ${excerpt(bad)}, which is no IP address`);
  return [primary, ...others];
}

function required(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw usage(`The environment variable ${name} is not set`);
  return value;
}

function absolutePath(env: Environment, name: string, fallback?: string): string {
  const value = env[name] || fallback || required(env, name);
  if (!posix.isAbsolute(value))
    throw usage(`The environment variable ${name} holds ${excerpt(value)}, which is no absolute path`);
  return posix.normalize(value);
}

function wholeNumber(env: Environment, name: string, fallback: number, max: number): number {
  const text = env[name] || String(fallback);
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw usage(
      `The environment variable ${name} holds ${excerpt(text)}, which is no whole number from 1 to ${max}`,
    );
  }
  return value;
}

/** The first value is the default. */
function oneOf<Value extends string>(
  env: Environment,
  name: string,
  values: readonly [Value, ...Value[]],
): Value {
  const value = env[name] || values[0];
  const known = values.find((candidate) => candidate === value);
  if (!known)
    throw usage(
      `The environment variable ${name} holds ${excerpt(value)}, which is none of ${values.join(', ')}`,
    );
  return known;
}

function usage(problem: string): Failure {
  return new Failure(
    exitCodes.usage,
    `${problem}: the init container is meant to be injected by the webhook, which sets it.`,
  );
}
