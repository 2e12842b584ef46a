/** Hostile files: saved by real servers or generated, then mutated; and a world for them to be resolved in. */
import { globSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { type Document, nodeLines } from '../../../src/nodes-conf/document.ts';
import { nodesConf } from '../arbitraries.ts';
import type { Case } from '../case.ts';
import { mutate, mutation } from './mutations.ts';

const saved = globSync([
  'test/fixtures/nodes-conf/saved-by/*/*.conf',
  'test/fixtures/nodes-conf/cases/*/before.conf',
])
  .sort()
  .map((file) => readFileSync(file, 'latin1'));

/** What a line's pod is like, by the order of the ids in the file. */
const fate = fc.constantFrom(
  'fresh',
  'fresh',
  'fresh',
  'gone',
  'not-recorded',
  'not-injected',
  'same-address',
);
export type Fate = typeof fate extends fc.Arbitrary<infer T> ? T : never;

export const hostileFile = fc.record({
  base: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...saved) }, { weight: 1, arbitrary: nodesConf }),
  mutations: fc.array(mutation, { maxLength: 4 }),
  fates: fc.array(fate, { minLength: 7, maxLength: 7 }),
  family: fc.constantFrom<Family>('ipv4', 'ipv6', 'both'),
});
type Family = 'ipv4' | 'ipv6' | 'both';
export type HostileFile = typeof hostileFile extends fc.Arbitrary<infer T> ? T : never;

/** The file's text, one character a byte. */
export function textOf({ base, mutations }: HostileFile): string {
  return mutations.reduce(mutate, base);
}

export type World = Pick<Case, 'map' | 'pods' | 'self'>;

/** The map and the pods in which the lines of a document meet the fates of the file. */
export function worldOf(document: Document, { fates, family }: HostileFile): World {
  const map: Record<string, string> = { 'redis-self': document.myself.id };
  const pods: object[] = [podOf('redis-self', podIps(0, family), true)];
  const addressOf = new Map(nodeLines(document).map(({ id, address }) => [id, address.ip]));
  addressOf.delete(document.myself.id);
  for (const [index, [id, ip]] of [...addressOf].entries()) {
    const name = `redis-${index}`;
    const fate = fates[index % fates.length] as Fate;
    if (fate !== 'not-recorded' && fate !== 'not-injected') map[name] = id;
    if (fate === 'fresh') pods.push(podOf(name, podIps(index + 1, family), true));
    if (fate === 'same-address' && isPodIp(ip)) pods.push(podOf(name, [ip], true));
    if (fate === 'not-injected' && isPodIp(ip)) pods.push(podOf(name, [ip], false));
  }
  return { map, pods, self: { podName: 'redis-self', podIps: podIps(0, family) } };
}

/** Whether the API server would take it for the status of a pod. */
function isPodIp(ip: string): boolean {
  return isIP(ip) !== 0 && !ip.includes('%');
}

function podIps(index: number, family: Family): [string, ...string[]] {
  const ipv4 = `10.9.8.${index}`;
  const ipv6 = `fd00:1111:2222:3333:4444:5555:6666:${(0x7000 + index).toString(16)}`;
  return { ipv4: [ipv4], ipv6: [ipv6], both: [ipv4, ipv6] }[family] as [string, ...string[]];
}

function podOf(name: string, ips: string[], injected: boolean): object {
  return {
    metadata: {
      name,
      labels: injected ? { 'redis-ip-updater.io/injected': 'true' } : {},
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'redis', uid: 'u', controller: true },
      ],
    },
    status: { phase: 'Running', podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) },
  };
}
