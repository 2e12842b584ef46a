/** Every server version with TLS alone: port 0, on the cluster bus and for replication, with certificates on both sides. */
import { join } from 'node:path';
import t from 'tap';
import { serverVersions } from '../../cluster/servers/debian-servers.ts';
import { swapped } from '../../demo/acts.ts';
import { issueTls } from '../../support/redis/tls.ts';
import { expectHealed, fullRestart, setScene, withCluster } from './scene.ts';

const scene = await setScene(t);
const tls = await issueTls(join(scene.directory, 'redis-tls'));

for (const version of serverVersions)
  t.test(version, async (t) => {
    await withCluster(scene, version, { tls }, async (actors) => {
      const { stage, cluster } = actors;
      for (const node of cluster.nodes()) {
        t.same(await node.ask('CONFIG', 'GET', 'port'), ['port', '0']);
      }
      await expectHealed(t, actors, 'TLS, new addresses', await fullRestart(actors));
      await expectHealed(t, actors, 'TLS, swapped addresses', await swapped(stage, cluster));
    });
  });
