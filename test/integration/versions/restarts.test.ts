/** Every server version, injected by the real webhook: all pods at once, at new addresses and at swapped ones. */
import t from 'tap';
import { serverVersions } from '../../cluster/servers/debian-servers.ts';
import { swapped } from '../../demo/acts.ts';
import { checkInjection } from '../../demo/opt-in.ts';
import { measureRestart } from '../../demo/restart.ts';
import { startStranger } from '../../demo/stranger.ts';
import { type Actors, argsFor, expectHealed, fullRestart, setScene, withCluster } from './scene.ts';

const scene = await setScene(t);

for (const version of serverVersions)
  t.test(version, async (t) => {
    await withCluster(scene, version, {}, async (actors) => {
      const { stage, cluster, commands } = actors;
      t.match(version, new RegExp(`-${commands.major}\\b`), `it is ${commands.version}`);
      await expectHealed(t, actors, 'the first restart, with a stranger', await withStranger(actors));
      await checkInjection(stage, cluster);
      await expectHealed(t, actors, 'swapped addresses', await swapped(stage, cluster));
      const announced = argsFor(commands, ['--cluster-announce-ip', '$(POD_IP)']);
      await cluster.replaceStatefulSet('Parallel', { args: announced });
      await expectHealed(t, actors, 'as it begins to announce the pod IP', await fullRestart(actors));
      await expectHealed(t, actors, 'as it announces the pod IP', await fullRestart(actors));
    });
  });

/** Nothing is in the map yet, and somebody else's server has got a master's address. */
function withStranger({ stage, cluster }: Actors) {
  return measureRestart(stage, cluster, () =>
    cluster.loseAllPods(([oldMaster = '']) => startStranger(stage, cluster.namespace, oldMaster)),
  );
}
