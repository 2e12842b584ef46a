import type { Test } from 'tap';
import type { Client } from '../client.ts';
import type { ConfigMap } from '../objects.ts';
import { configMap, configMaps } from './subject.ts';

const MERGE = { contentType: 'application/merge-patch+json' };
const APPLY = 'application/apply-patch+yaml';
const JSON_PATCH = { contentType: 'application/json-patch+json' };

/** Creating and changing objects. */
export function writesContract(t: Test, client: Client, namespace: string): void {
  const at = (name: string) => configMaps(namespace, name);
  const create = (name: string, data: Record<string, string> = {}) =>
    client.create<ConfigMap>(configMaps(namespace), configMap(name, data));

  t.test('a created object has uid, resourceVersion and creationTimestamp', async (t) => {
    const { code, body } = await client.ask<ConfigMap>('POST', configMaps(namespace), {
      body: configMap('created'),
    });
    t.equal(code, 201);
    t.match(body.metadata, {
      name: 'created',
      namespace,
      uid: /^[0-9a-f-]{36}$/,
      resourceVersion: /^\d+$/,
      creationTimestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
    });
    t.same(await client.get(at('created')), body);
  });

  t.test('a name is there once: 409 AlreadyExists', async (t) => {
    await create('twice');
    const { code, body } = await client.ask('POST', configMaps(namespace), { body: configMap('twice') });
    t.equal(code, 409);
    t.match(body, {
      kind: 'Status',
      reason: 'AlreadyExists',
      message: 'configmaps "twice" already exists',
      details: { name: 'twice', kind: 'configmaps' },
    });
  });

  t.test('what is not there is a 404, the namespace too', async (t) => {
    const missing = await client.ask('GET', at('missing'));
    t.match(missing, { code: 404, body: { reason: 'NotFound', message: 'configmaps "missing" not found' } });
    const nowhere = await client.ask('POST', configMaps('no-such-namespace'), { body: configMap('x') });
    t.match(nowhere, { code: 404, body: { message: 'namespaces "no-such-namespace" not found' } });
    const unknown = await client.ask('GET', `/api/v1/namespaces/${namespace}/no-such-kind`);
    t.match(unknown, { code: 404, body: { message: 'the server could not find the requested resource' } });
  });

  t.test('a replacement of an older state is a 409 Conflict', async (t) => {
    const first = await create('replaced', { a: '1' });
    const second = await client.ask<ConfigMap>('PUT', at('replaced'), {
      body: { ...first, data: { a: '2' } },
    });
    t.match(second, { code: 200, body: { data: { a: '2' }, metadata: { uid: first.metadata.uid ?? '' } } });
    const { code, body } = await client.ask('PUT', at('replaced'), { body: first });
    t.equal(code, 409);
    t.match(body, {
      reason: 'Conflict',
      message: /^Operation cannot be fulfilled on configmaps "replaced": /,
    });
  });

  t.test('a merge patch adds, changes and removes keys, and answers with the whole', async (t) => {
    const before = await create('merged', { keep: '1', change: '1', remove: '1' });
    const body = { data: { change: '2', remove: null, add: '2' } };
    const after = await client.ask<ConfigMap>('PATCH', at('merged'), { body, ...MERGE });
    t.same(after.body.data, { keep: '1', change: '2', add: '2' });
    t.ok(Number(after.body.metadata.resourceVersion) > Number(before.metadata.resourceVersion));
    const again = await client.ask<ConfigMap>('PATCH', at('merged'), { body, ...MERGE });
    t.equal(
      again.body.metadata.resourceVersion,
      after.body.metadata.resourceVersion,
      'no change is no write',
    );
  });

  t.test('patches at the same time lose nothing', async (t) => {
    await create('crowded');
    const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
    const write = (key: string) =>
      client.ask('PATCH', at('crowded'), { body: { data: { [key]: 'x' } }, ...MERGE });
    t.ok((await Promise.all(keys.map(write))).every(({ code }) => code === 200));
    const { data = {} } = await client.get<ConfigMap>(at('crowded'));
    t.same(Object.keys(data).sort(), keys.sort());
  });

  t.test('a merge patch with an old resourceVersion is a 409', async (t) => {
    const { metadata } = await create('guarded', { a: '1' });
    const { resourceVersion } = metadata;
    const body = { metadata: { resourceVersion }, data: { a: '2' } };
    t.equal((await client.ask('PATCH', at('guarded'), { body, ...MERGE })).code, 200);
    const stale = { metadata: { resourceVersion }, data: { a: '3' } };
    t.equal((await client.ask('PATCH', at('guarded'), { body: stale, ...MERGE })).code, 409);
  });

  t.test('a JSON patch applies whole or not at all', async (t) => {
    await create('patched', { a: '1' });
    const test = (value: string) => [
      { op: 'test', path: '/data/a', value },
      { op: 'replace', path: '/data/a', value: '2' },
    ];
    const good = await client.ask('PATCH', at('patched'), { body: test('1'), ...JSON_PATCH });
    t.match(good, { code: 200, body: { data: { a: '2' } } });
    const bad = await client.ask('PATCH', at('patched'), { body: test('1'), ...JSON_PATCH });
    t.match(bad, { code: 422, body: { reason: 'Invalid' } });
  });

  t.test(
    'server-side apply creates, then adds and changes what it names, and names its manager',
    async (t) => {
      const apply = (name: string, body: object, query = '?fieldManager=tests&force=true') =>
        client.ask<ConfigMap>('PATCH', at(name) + query, { body, contentType: APPLY });
      const first = await apply('applied', configMap('applied', { a: '1' }));
      t.match(first, { code: 201, body: { data: { a: '1' }, metadata: { name: 'applied', namespace } } });
      await client.ask('PATCH', at('applied'), { body: { data: { b: '1' } }, ...MERGE });
      const second = await apply('applied', configMap('applied', { a: '2' }));
      t.match(second, { code: 200, body: { data: { a: '2', b: '1' } } });
      const third = await apply('applied', configMap('applied', { a: '2' }));
      t.equal(
        third.body.metadata.resourceVersion,
        second.body.metadata.resourceVersion,
        'no change, no write',
      );
      const { uid } = second.body.metadata;
      const withUid = (name: string, uid: string | undefined) => ({
        ...configMap(name, { a: '3' }),
        metadata: { name, uid },
      });
      t.equal((await apply('applied', withUid('applied', uid))).code, 200, 'the object with that uid');
      const other = '00000000-0000-0000-0000-000000000000';
      t.equal((await apply('applied', withUid('applied', other))).code, 422, 'another object');
      t.equal((await apply('applied-anew', withUid('applied-anew', uid))).code, 409, 'no object');
      t.equal((await apply('nameless', configMap('nameless'), '')).code, 422, 'no manager');
    },
  );

  t.test('other media types are a 415, other methods a 405, wrong types a 400 or 422', async (t) => {
    await create('refused');
    const text = await client.ask('PATCH', at('refused'), { body: {}, contentType: 'text/plain' });
    t.match(text, { code: 415, body: { reason: 'UnsupportedMediaType' } });
    const post = await client.ask('POST', at('refused'), { body: configMap('refused') });
    t.match(post, { code: 405, body: { reason: 'MethodNotAllowed' } });
    const wrong = await client.ask('PATCH', at('refused'), { body: { data: { a: 1 } }, ...MERGE });
    t.match(wrong, { code: 422, body: { reason: 'Invalid' } });
    const body = { ...configMap('wrong'), data: { a: 1 } };
    const created = await client.ask('POST', configMaps(namespace), { body });
    t.match(created, { code: 400, body: { reason: 'BadRequest' } });
  });

  t.test('a deletion with the uid of a former object is a 409', async (t) => {
    const { metadata } = await create('deleted');
    const body = { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } };
    t.match(await client.ask('DELETE', at('deleted'), { body }), { code: 409, body: { reason: 'Conflict' } });
    const gone = await client.ask('DELETE', at('deleted'), {
      body: { preconditions: { uid: metadata.uid } },
    });
    t.match(gone, { code: 200, body: { kind: 'Status', status: 'Success' } });
    t.equal((await client.ask('GET', at('deleted'))).code, 404);
  });
}
