import t from 'tap';
import { parseNodeMap } from '../../src/addresses/node-map.ts';
import { podFromApi } from '../../src/addresses/pod.ts';
import type { NamespaceApi } from '../../src/kubernetes/namespace-api.ts';
import { settle } from '../../src/updater/settle.ts';

const id = 'a'.repeat(40);
const facts = {
  self: { podName: 'redis-0', ips: ['10.0.0.1'] as const },
  node: { id, lines: [] },
  outsideNodes: 'park',
  onLostVolume: 'refuse',
} as const;

t.test(
  'our IP never shown: the sentence names both causes, of which one is a pod that is no more',
  async (t) => {
    let time = 0;
    const never = () => Promise.reject(new Error('not asked for'));
    const api: NamespaceApi = {
      listPods: async () => [podFromApi({ metadata: { name: 'redis-0' } })],
      ownIps: async () => [],
      readMap: never,
      writeOwnEntry: never,
    };
    const settled = await settle(facts, parseNodeMap({ 'redis-0': id }), api, {
      deadlineAt: 5_000,
      now: () => time,
      sleep: async (ms) => {
        time += ms;
      },
      random: () => 1,
      log: () => {},
    });
    t.match(settled, {
      kind: 'gave-up',
      error: {
        exitCode: 69,
        message:
          'The API does not show the IP 10.0.0.1 of pod redis-0: either its kubelet cannot reach the API server, or the pod was replaced by a new one.',
      },
    });
  },
);
