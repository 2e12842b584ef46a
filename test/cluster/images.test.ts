/** The images, built by the Dockerfile itself on stand-ins for its base images: content, settings, sizes. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { withArchive } from './images/archive.ts';
import { productImage, RELEASE, type Target } from './images/product.ts';
import { nodeImage } from './images/stand-ins.ts';
import { requirePackages } from './kubernetes/packages.ts';

/** What an image may add to the Node.js runtime. */
const BYTES_AT_MOST: Record<Target, number> = { updater: 100e3, webhook: 5e6 };
const TITLE = { updater: 'redis-ip-updater', webhook: 'redis-ip-updater-webhook' };

t.before(requirePackages);

for (const target of ['updater', 'webhook'] as const) {
  t.test(target, async (t) => {
    const runtime = await withArchive(await nodeImage(), async ({ layers }) => layers.length);
    await withArchive(await productImage(target), async ({ config, layers, read }) => {
      const added = layers.slice(runtime);
      const bytes = added.reduce((sum, layer) => sum + layer.bytes, 0);
      t.comment(`${target} adds ${bytes} bytes`);
      t.ok(bytes > 0 && bytes <= BYTES_AT_MOST[target], `adds ${bytes} bytes to the runtime`);

      const files = added
        .flatMap((layer) => Object.entries(layer.files))
        .filter(([, mode]) => mode[0] !== 'd');
      t.same(
        files,
        [[`app/${target}.js`, '-r--r--r--']],
        'one file, readable for every user, is all it adds',
      );
      t.same(await read(`app/${target}.js`), readFileSync(`dist/${target}.js`));

      t.equal(config.User, '65532:65532', 'a number, so that runAsNonRoot can be checked');
      t.same(config.Entrypoint, ['node', `/app/${target}.js`]);
      t.ok(
        config.Env?.includes('PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin'),
        'node is found wherever it is',
      );
      const { 'org.opencontainers.image.description': description, ...labels } = config.Labels ?? {};
      t.ok(description);
      t.match(labels, {
        'org.opencontainers.image.title': TITLE[target],
        'org.opencontainers.image.version': RELEASE.VERSION,
        'org.opencontainers.image.revision': RELEASE.REVISION,
      });
    });
  });
}

t.test('built all within, by npm ci and the bundler: the same bytes', async (t) => {
  const prebuilt = await withArchive(await productImage('webhook'), ({ read }) => read('app/webhook.js'));
  const built = await withArchive(await productImage('webhook', 'build'), ({ read }) =>
    read('app/webhook.js'),
  );
  t.ok(built.equals(prebuilt));
});
