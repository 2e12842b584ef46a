/** A stand-in for cluster DNS, which the test cluster has none of: a redis whose keys are hosts. */
import { imageTags } from '../images/stand-ins.ts';
import { until } from '../kubernetes/until.ts';
import type { Stage } from '../stage.ts';

const NAMESPACE = 'names';
/** How late the answers are; a headless Service with `publishNotReadyAddresses` is about as fast. */
const INTERVAL_MS = 100;

export type Names = {
  /** The address of the redis that answers. */
  address: string;
  /** The host of a pod is `POD.SERVICE`, as within a namespace. */
  hostOf(pod: string): string;
  /** From now on it says what the API says of the pods of a namespace; resolves what ends that. */
  follow(namespace: string): Promise<() => Promise<void>>;
};

export async function startNames(stage: Stage): Promise<Names> {
  await stage.createNamespace(NAMESPACE);
  const args = ['--bind', '*', '--protected-mode', 'no', '--save', ''];
  const container = { name: 'redis', image: imageTags.redis, imagePullPolicy: 'Never', args };
  await stage.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'names', namespace: NAMESPACE },
    spec: { containers: [container] },
  });
  const wait = ['wait', 'pod/names', '--namespace', NAMESPACE, '--for=condition=Ready', '--timeout=60s'];
  await stage.cluster.kubectl(wait);
  const { status } = await stage.cluster.api.request('GET', `/api/v1/namespaces/${NAMESPACE}/pods/names`);
  const address: string = status.podIP;
  const ask = (...command: string[]) => stage.cluster.runInNetwork(['redis-cli', '-h', address, ...command]);
  await until('the names answer', 10_000, () => ask('PING').catch(() => undefined));
  const hostOf = (pod: string) => `${pod}.headless`;

  return {
    address,
    hostOf,
    async follow(namespace) {
      let said = '';
      let ended = false;
      const update = async () => {
        const ips = addresses(stage, namespace);
        const now = JSON.stringify([...ips]);
        if (now === said) return;
        await ask('FLUSHALL');
        if (ips.size > 0) await ask('MSET', ...[...ips].flatMap(([pod, ip]) => [hostOf(pod), ip]));
        said = now;
      };
      await update();
      const following = (async () => {
        while (!ended) {
          await update();
          await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
        }
      })();
      return async () => {
        ended = true;
        await following;
      };
    },
  };
}

/** The address that each pod shows, by name. */
function addresses(stage: Stage, namespace: string): Map<string, string> {
  const shown = new Map<string, string>();
  for (const { type, object } of stage.podEvents(namespace)) {
    const { name } = object.metadata ?? {};
    if (type === 'DELETED' || !object.status?.podIP) shown.delete(name);
    else shown.set(name, object.status.podIP);
  }
  return shown;
}
