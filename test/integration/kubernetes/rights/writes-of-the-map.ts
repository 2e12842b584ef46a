/** What the right to patch the map lets somebody do at the API, beside writing entries; and the ways back. */
import { randomUUID } from 'node:crypto';
import type { Test } from 'tap';
import { NODES_CONFIG_MAP, NODES_TXT_KEY } from '../../../../src/names.ts';
import type { Api } from '../../../cluster/kubernetes/api.ts';
import { until } from '../../../cluster/kubernetes/until.ts';
import { mapOf, type Stage } from './stage.ts';

const MERGE = 'application/merge-patch+json';
const MAP = `/api/v1/namespaces/shop/configmaps/${NODES_CONFIG_MAP}`;
/** The garbage collector looks at what is new every half minute. */
const WAIT_MS = 120_000;

export async function writesOfTheMap(t: Test, { admin }: Stage, writer: Api): Promise<void> {
  const write = (body: object) => writer.request('PATCH', MAP, body, MERGE);
  const id = 'a'.repeat(40);

  await t.test('the API server itself refuses', async (t) => {
    await write({ data: { 'redis-0': id } });
    const refused: Record<string, [body: object, message: RegExp]> = {
      'more than a megabyte': [
        { data: { 'redis-0': 'x'.repeat(1024 * 1024 + 1) } },
        /: (413|422) .*(Too long|too large)/,
      ],
      'a key with a slash': [{ data: { 'redis/0': id } }, /: 422 .*a valid config key/],
      'a key with two dots': [{ data: { '..': id } }, /: 422 .*(config key|must not be)/],
      'a key that is too long': [{ data: { ['r'.repeat(254)]: id } }, /: 422 .*must be no more than 253/],
      'a value that is no text': [{ data: { 'redis-0': { id } } }, /: 4(00|22) /],
      'another name': [{ metadata: { name: 'other' } }, /: 4(00|22) /],
    };
    for (const [what, [body, message]] of Object.entries(refused))
      await t.rejects(write(body), message, what);
    t.same((await mapOf(admin, 'shop')).data, { 'redis-0': id });
  });

  await t.test('every key is open to every writer, nodes.txt too', async (t) => {
    const others = { 'redis-1': 'b'.repeat(40), [NODES_TXT_KEY]: `${'c'.repeat(40)} redis-2` };
    t.same((await write({ data: others })).data, { 'redis-0': id, ...others });
    t.same((await write({ data: { 'redis-1': null, [NODES_TXT_KEY]: null } })).data, { 'redis-0': id });
  });

  await t.test(
    'made immutable it takes no entries: told by an Event; deleted, it is made anew',
    async (t) => {
      await write({ immutable: true });
      await t.rejects(write({ data: { 'redis-1': id } }), /: 422 .*immutable/);
      await t.rejects(write({ immutable: false }), /: 422 .*immutable/);
      await until('an Event', WAIT_MS, async () => {
        const { items } = await admin.request('GET', '/api/v1/namespaces/shop/events');
        return items.some(({ reason }: { reason: string }) => reason === 'ImmutableConfigMap');
      });
      await admin.request('DELETE', MAP);
      t.notOk((await mapOf(admin, 'shop')).immutable);
      t.same((await write({ data: { 'redis-0': id } })).data, { 'redis-0': id });
    },
  );

  await t.test('given an owner that is none it is collected as garbage, and made anew, empty', async (t) => {
    const { metadata } = await mapOf(admin, 'shop');
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'none', uid: randomUUID() };
    await write({ metadata: { ownerReferences: [owner] } });
    const anew = await until('another map', WAIT_MS, async () => {
      const map = await mapOf(admin, 'shop');
      return map.metadata.uid !== metadata.uid && map;
    });
    t.equal(anew.data, undefined);
  });
}
