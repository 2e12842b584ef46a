/**
 * Nodes that announce addresses other than their pods': of a load balancer, a NAT, the host. Such addresses outlive
 * the pods, and nodes.conf holds them; a pod's address with an announced port would lead nowhere.
 */
import { isIP } from 'node:net';
import { announcedPort } from './announced-ports.ts';
import { scripts } from './arguments.ts';
import type { Container, Pod } from './shapes.ts';
import { ENV_PREFIXES, written } from './written.ts';

/**
 * The setting that gives such nodes away; undefined where none does, and where the server's own address and ports
 * are in doubt, for a pod that is left alone is not protected. An address that a script computes counts as the pod's,
 * which is what most compute.
 */
export function announcedElsewhere(container: Container, pod: Pod): string | undefined {
  const here = written(container, pod);
  const ip = here.setting('cluster-announce-ip');
  const address = ip === undefined ? undefined : here.mean(ip);
  if (address?.kind === 'pod-ip') return undefined;
  if (address?.kind === 'elsewhere' || (address?.kind === 'text' && isIP(address.text))) {
    return 'cluster-announce-ip';
  }
  if (hasStaticIps(container)) return 'CLUSTER_DYNAMIC_IPS';
  const computed = ip !== undefined && isComputed(ip, here.words, scripts(container));
  return computed ? undefined : announcedPort(container, here);
}

/** By a command, or by way of a variable of the script that holds what a command said. */
function isComputed(text: string, words: readonly string[], scripts: readonly string[]): boolean {
  const isCommand = (word = '') => {
    // Outside of a script `$(NAME)` is a variable: the kubelet's way to write it.
    const isReference = /^\$\(\w+\)$/.test(word) && !scripts.some((script) => script.includes(word));
    return /^(?:`|\$\()/.test(word) && !isReference;
  };
  if (isCommand(text)) return true;
  const name = /^\$\{?(\w+)/.exec(text)?.[1];
  if (name === undefined) return false;
  const assigns = `${name}=`;
  return words.some((word, at) => {
    if (!word.startsWith(assigns)) return false;
    // A quote after the = has ended the word.
    return isCommand(word === assigns ? words[at + 1] : word.slice(assigns.length));
  });
}

/** bitnami's images: the nodes are known by addresses that never change. */
function hasStaticIps({ env }: Container): boolean {
  const last = env?.findLast(({ name }) =>
    ENV_PREFIXES.some((prefix) => name === `${prefix}_CLUSTER_DYNAMIC_IPS`),
  );
  return last?.value === 'no';
}
