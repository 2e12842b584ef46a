/**
 * Nodes that announce addresses other than their pods': of a load balancer, a NAT, the host. Such addresses outlive
 * the pods, and nodes.conf holds them; a pod's address with an announced port would lead nowhere.
 */
import { isIP } from 'node:net';
import { announcedPort } from './announced-ports.ts';
import type { Container, Pod } from './shapes.ts';
import { ENV_PREFIXES, type Written, written } from './written.ts';

/**
 * The setting that gives such nodes away; undefined where none does, and where that is in doubt, for a pod that is
 * left alone is not protected. An address that a script computes counts as the pod's, which is what most compute.
 */
export function announcedElsewhere(container: Container, pod: Pod): string | undefined {
  const here = written(container, pod);
  const ip = here.setting('cluster-announce-ip');
  if (ip !== undefined) {
    const address = here.mean(ip);
    if (address.kind === 'pod-ip' || (address.kind === 'unknown' && isComputed(ip, here))) return undefined;
    if (address.kind === 'elsewhere' || (address.kind === 'text' && isIP(address.text))) {
      return 'cluster-announce-ip';
    }
  }
  return announcedPort(container, here) ?? (hasStaticIps(container) ? 'CLUSTER_DYNAMIC_IPS' : undefined);
}

/** By a command, or by way of a variable of the script that holds what a command said. */
function isComputed(text: string, { words }: Written): boolean {
  const isCommand = (word: string | undefined) => /^(?:`|\$\()/.test(word ?? '');
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
