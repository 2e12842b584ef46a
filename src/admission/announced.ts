/**
 * Nodes that announce addresses other than their pods': of a load balancer, a NAT, the host. Such addresses outlive
 * the pods, and nodes.conf holds them; a pod's address with an announced port would lead nowhere.
 */
import { isIP } from 'node:net';
import { argument, argumentWords } from './arguments.ts';
import type { Container, EnvVar, Pod } from './shapes.ts';

const ANNOUNCED_PORTS = ['cluster-announce-port', 'cluster-announce-tls-port'];
const DEFAULT_PORT = '6379';
const BUS_OFFSET = 10_000;

/** bitnami's images read a setting from a variable of its name, too. */
const ENV_PREFIXES = ['REDIS', 'VALKEY'];

/** What a text of the container means, as far as the pod shows it. */
type Meaning = { kind: 'pod-ip' | 'elsewhere' | 'unknown' } | { kind: 'text'; text: string };

/**
 * The setting that gives such nodes away; undefined where none does. An address that a script computes counts as the
 * pod's, which is what most compute; a port that nothing here shows to be the server's own counts as another.
 */
export function announcedElsewhere(container: Container, pod: Pod): string | undefined {
  const words = argumentWords(container);
  const setting = (name: string) =>
    argument(words, `--${name}`) ?? argument(words, name) ?? reference(container, name);
  const mean = (text: string) => meaning(text, container.env ?? [], pod);

  const ip = setting('cluster-announce-ip');
  const address = ip === undefined ? undefined : mean(ip);
  if (address?.kind === 'pod-ip') return undefined;
  if (address?.kind === 'elsewhere' || (address?.kind === 'text' && isIP(address.text))) {
    return 'cluster-announce-ip';
  }
  const own = [setting('port') ?? DEFAULT_PORT, setting('tls-port') ?? []].flat();
  const isOwn = (port: string) => own.some((here) => here === port || isSameText(mean(here), mean(port)));
  const other = ANNOUNCED_PORTS.find((name) => {
    // 0 is the default: nothing is announced.
    const port = setting(name) ?? '0';
    return port !== '0' && !isOwn(port);
  });
  if (other) return other;
  // Only a number is judged: `1$PORT` is a common way to write what is the default.
  const bus = Number(setting('cluster-announce-bus-port') ?? 0);
  const ownBus = [setting('cluster-port'), ...own.map((port) => Number(port) + BUS_OFFSET)].map(Number);
  if (bus > 0 && !ownBus.includes(bus)) return 'cluster-announce-bus-port';
  return hasStaticIps(container) ? 'CLUSTER_DYNAMIC_IPS' : undefined;
}

function reference({ env }: Container, setting: string): string | undefined {
  const name = setting.toUpperCase().replaceAll('-', '_');
  const entry = env?.findLast((entry) => ENV_PREFIXES.some((prefix) => entry.name === `${prefix}_${name}`));
  return entry && `$(${entry.name})`;
}

/** bitnami's images: the nodes are known by addresses that never change. */
function hasStaticIps({ env }: Container): boolean {
  const last = env?.findLast(({ name }) =>
    ENV_PREFIXES.some((prefix) => name === `${prefix}_CLUSTER_DYNAMIC_IPS`),
  );
  return last?.value === 'no';
}

/** `$(NAME)` of the kubelet, `$NAME` and `${NAME}` of a shell; anything else with a `$` is not ours to read. */
function meaning(text: string, env: readonly EnvVar[], pod: Pod): Meaning {
  const name = /^\$(?:\((\w+)\)|\{(\w+)\}|(\w+))$/.exec(text)?.slice(1).find(Boolean);
  if (name === undefined) return text.includes('$') ? { kind: 'unknown' } : { kind: 'text', text };
  const at = env.findLastIndex((entry) => entry.name === name);
  const entry = env[at];
  if (!entry) return { kind: 'unknown' };
  // As with the kubelet, a value names only entries before it.
  if (!entry.valueFrom) return meaning(entry.value ?? '', env.slice(0, at), pod);
  const path = entry.valueFrom.fieldRef?.fieldPath ?? '';
  const own = /^status\.podIPs?$/.test(path) || (pod.spec.hostNetwork && /^status\.hostIPs?$/.test(path));
  return { kind: own ? 'pod-ip' : 'elsewhere' };
}

function isSameText(a: Meaning, b: Meaning): boolean {
  return a.kind === 'text' && b.kind === 'text' && a.text === b.text;
}
