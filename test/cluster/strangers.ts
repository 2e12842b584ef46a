/** Somebody else's redis servers, in a namespace of their own, which get addresses that were our pods'. */
import { imageTags } from './images/stand-ins.ts';
import type { StatefulSet } from './redis-objects.ts';
import { RedisPods } from './redis-pods.ts';
import type { Stage } from './stage.ts';

export const FOREIGN_KEYS = 100;
export const FOREIGN_PATTERN = 'stranger:*';

const SETS = Array.from({ length: FOREIGN_KEYS }, (_, index) => `SET stranger:${index} not-yours\n`).join('');

/** Starts single servers, each with keys of its own from its start on; waits until they are ready. */
export async function startStrangers(stage: Stage, namespace: string, replicas: number): Promise<RedisPods> {
  await stage.createNamespace(namespace);
  await stage.apply(strangerSet(namespace, replicas));
  const strangers = new RedisPods(stage, namespace, [{ name: 'stranger', replicas }]);
  await strangers.waitReady();
  return strangers;
}

/** Writes the strangers' keys through a cluster of theirs. */
export async function writeForeignKeys(stage: Stage, strangers: RedisPods): Promise<void> {
  const [first = ''] = strangers.addresses();
  await stage.cluster.runInNetwork(['redis-cli', '-c', '-h', first], SETS);
}

/** Lets the pods of a StatefulSet start on a cordoned node. */
export function startsOnCordonedNode(set: StatefulSet): StatefulSet {
  set.spec.template.spec.tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }];
  return set;
}

/** The lowest of IPv4 addresses of one range: the next ones up are the most likely to be those of the others. */
export function lowest(addresses: readonly string[]): string {
  const last = (address: string) => Number(address.split('.').at(-1));
  return addresses.toSorted((a, b) => last(a) - last(b))[0] ?? '';
}

function strangerSet(namespace: string, replicas: number): object {
  const labels = { app: 'stranger' };
  // Its keys come before its port: whoever reaches it finds them.
  const program = `redis-server --port 0 --unixsocket /tmp/s --protected-mode no --save '' &
    until redis-cli -s /tmp/s PING >/dev/null 2>&1; do sleep 0.05; done
    printf '${SETS.replaceAll('\n', '\\n')}' | redis-cli -s /tmp/s >/dev/null
    redis-cli -s /tmp/s CONFIG SET bind '* -::*'
    redis-cli -s /tmp/s CONFIG SET port 6379
    wait`;
  return startsOnCordonedNode({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'stranger', namespace },
    spec: {
      serviceName: 'stranger',
      replicas,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'redis',
              image: imageTags.redis,
              imagePullPolicy: 'Never',
              command: ['/bin/sh', '-c', program],
              readinessProbe: { tcpSocket: { port: 6379 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  });
}
