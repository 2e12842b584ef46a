/** The oracle: what we rewrote must load in a real server, which must see the same cluster at new addresses. */
import { globSync, readFileSync } from 'node:fs';
import t from 'tap';
import { formatDocument, type NodeLine, nodeLines } from '../../src/nodes-conf/document.ts';
import { rewrite } from '../../src/nodes-conf/rewrite.ts';
import { documentOf, readCases } from '../nodes-conf/case.ts';
import { freeRedisPort } from '../support/free-port.ts';
import { loadNodesConf } from './load-nodes-conf.ts';

const HOST = '127.81.0.1';

/** The lines of CLUSTER NODES of a server that was started with `content` as its nodes.conf; null if it refuses. */
async function load(content: string): Promise<NodeLine[] | null> {
  const loaded = await loadNodesConf(content, { host: HOST, port: await freeRedisPort() });
  return loaded && nodeLines(documentOf(loaded.nodes));
}

/** What must survive: ids, roles, masters, epochs, slots. Not what the server sets anew at its start. */
const topology = (nodes: NodeLine[]) =>
  nodes
    .map(({ id, text, flags, masterId }) => {
      const role = flags.find((flag) => /^(master|slave)$/.test(flag)) ?? 'none';
      const [epoch, , ...slots] = text.split(' ').slice(6);
      return [id, role, masterId, epoch, ...slots, flags.includes('myself') ? 'myself' : ''].join(' ');
    })
    .sort();

const peerAddresses = (nodes: NodeLine[]) =>
  nodes
    .filter(({ flags }) => !flags.includes('myself') && !flags.includes('noaddr'))
    .map(({ id, address }) => `${id} ${address.ip}:${address.port}@${address.cport}`)
    .sort();

t.test('the golden cases, before and after', async (t) => {
  let loaded = 0;
  for (const { name, before, after } of readCases()) {
    const then = await load(before);
    // A file that this version does not read (a later one's lines, two spellings of IPv6) proves nothing here.
    if (!then) continue;
    loaded += 1;
    const now = await load(after);
    t.ok(now, `${name}: loads`);
    if (!now) continue;
    t.same(topology(now), topology(then), `${name}: the same topology`);
    t.same(peerAddresses(now), peerAddresses(nodeLines(documentOf(after))), `${name}: at the new addresses`);
  }
  t.ok(loaded >= 10, `${loaded} cases loaded`);
});

t.test('files saved by every server version, all addresses changed', async (t) => {
  for (const file of globSync('test/fixtures/nodes-conf/saved-by/*/failed-over.conf')) {
    const document = documentOf(readFileSync(file, 'latin1'));
    const resolutions = new Map(
      nodeLines(document).map(({ id }, index) => {
        const ip = `10.9.8.${index + 1}`;
        return [
          id,
          id === document.myself.id
            ? ({ kind: 'self', ip } as const)
            : ({ kind: 'fresh', ip, pod: 'p' } as const),
        ];
      }),
    );
    const after = rewrite(document, resolutions).document;
    const now = await load(formatDocument(after));
    t.ok(now, `${file}: loads`);
    if (!now) continue;
    t.same(topology(now), topology(nodeLines(document)), `${file}: the same topology`);
    t.same(peerAddresses(now), peerAddresses(nodeLines(after)), `${file}: at the new addresses`);
    t.notOk(
      now.some(({ flags }) => flags.includes('fail')),
      'verdicts on old addresses are gone',
    );
  }
});
