/**
 * What our programs rely on of a Kubernetes API, as tests that run against the one in this process and against a
 * real kube-apiserver alike: what holds the stand-in to the real one.
 */
import type { Test } from 'tap';
import { accessContract } from './contract/access.ts';
import { listsContract } from './contract/lists.ts';
import { podsContract } from './contract/pods.ts';
import { clientFor, type Subject } from './contract/subject.ts';
import { watchesContract } from './contract/watches.ts';
import { writesContract } from './contract/writes.ts';

const parts = {
  writes: writesContract,
  lists: listsContract,
  watches: watchesContract,
  access: accessContract,
  pods: podsContract,
};

/** Runs all parts, each in a namespace of its own, against the API that `connect` starts or finds. */
export function contract(t: Test, connect: () => Promise<Subject>): void {
  for (const [name, part] of Object.entries(parts))
    t.test(name, async (t) => {
      const subject = await connect();
      const client = clientFor(subject);
      const namespace = `contract-${name}-${Date.now().toString(36)}`;
      await client.create('/api/v1/namespaces', { metadata: { name: namespace } });
      await subject.settled?.(namespace);
      t.teardown(async () => {
        await client.delete(`/api/v1/namespaces/${namespace}`);
        client.close();
      });
      part(t, client, namespace, subject);
    });
}
