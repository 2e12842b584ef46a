/** IPv6, and pods with an address of each family: a cluster is of one, the pods' primary one or the other. */
import { isIP } from 'node:net';
import t from 'tap';
import { assertRestart } from './restart.ts';
import { startStage } from './stage.ts';

const KEYS = 1000;
const IPV4 = '10.244.0.0/24';
const IPV6 = 'fd00:10:244::/64';

for (const podCidrs of [[IPV6], [IPV4, IPV6], [IPV6, IPV4]])
  t.test(`pods in ${podCidrs.join(' and ')}`, async (t) => {
    const stage = await startStage(t, { podCidrs });
    for (const cidr of podCidrs) {
      const family = cidr === IPV6 ? 6 : 4;
      await t.test(`a cluster of IPv${family}`, async (t) => {
        const namespace = `ipv${family}`;
        await stage.optIn(namespace);
        const redis = await stage.createRedis({ namespace, replicas: 6, family });
        await redis.form({ keys: KEYS });
        for (const which of ['first', 'second'])
          await assertRestart(t, redis, `${podCidrs.length} families, IPv${family}, ${which}`, {
            keys: KEYS,
          });
        t.ok(
          redis.addresses().every((address) => isIP(address) === family),
          'it is of that family still',
        );
      });
    }
  });
