import fc from 'fast-check';
import t from 'tap';
import type { Resolution } from '../../src/addresses/resolution.ts';
import { type Document, formatDocument, nodeLines, parseDocument } from '../../src/nodes-conf/document.ts';
import { linesToResolve, rewrite } from '../../src/nodes-conf/rewrite.ts';
import { ip, nodesConf } from './arbitraries.ts';

const A = `${'a'.repeat(39)}1`;
const B = `${'b'.repeat(39)}2`;
const vars = 'vars currentEpoch 6 lastVoteEpoch 0\n';

function documentOf(text: string): Document {
  const parsed = parseDocument(text);
  if (parsed.kind !== 'document') throw new Error(`not a document: ${JSON.stringify(parsed)}`);
  return parsed.document;
}

/** The second line after `resolution` was put into it; the first is myself at 10.0.0.1:6379@16379. */
function second(
  addressAndFlags: string,
  resolution: Resolution,
  myselfAddress = '10.0.0.1:6379@16379',
): string {
  const master = addressAndFlags.includes('slave') ? A : '-';
  const text = `${A} ${myselfAddress} myself,master - 0 0 1 connected\n${B} ${addressAndFlags} ${master} 7 8 2 connected 5-9\n${vars}`;
  const after = formatDocument(rewrite(documentOf(text), new Map([[B, resolution]])).document);
  const line = after.split('\n')[1] as string;
  t.ok(line.startsWith(`${B} `) && line.endsWith(` ${master} 7 8 2 connected 5-9`), 'the other fields stay');
  return line.split(' ').slice(1, 3).join(' ');
}

const fresh = (ip: string): Resolution => ({ kind: 'fresh', ip, pod: 'redis-1' });
const parked = (ip = '192.0.2.1'): Resolution => ({ kind: 'parked', ip, pod: 'redis-1', reason: 'not-live' });

t.test('fresh: the new IP, and no verdicts on the old one', async (t) => {
  t.equal(second('10.0.0.2:6379@16379 master', fresh('10.0.9.2')), '10.0.9.2:6379@16379 master');
  t.equal(second('10.0.0.2:6379@16379 master,fail', fresh('10.0.9.2')), '10.0.9.2:6379@16379 master');
  t.equal(
    second('10.0.0.2:6379@16379 slave,fail?,nofailover', fresh('10.0.9.2')),
    '10.0.9.2:6379@16379 slave,nofailover',
  );
  t.equal(second('10.0.0.2:6379@16379 fail', fresh('10.0.9.2')), '10.0.9.2:6379@16379 noflags');
});

t.test('fresh at the address it had: the verdicts stand, but noaddr could never heal', async (t) => {
  t.equal(second('10.0.0.2:6379@16379 master,fail', fresh('10.0.0.2')), '10.0.0.2:6379@16379 master,fail');
  t.equal(second('10.0.0.2:6379@16379 master,noaddr', fresh('10.0.0.2')), '10.0.0.2:6379@16379 master');
  t.equal(second('2001:DB8:0::2:6379@16379 master', fresh('2001:db8::2')), '2001:DB8:0::2:6379@16379 master');
});

t.test('parked: the discard address; noaddr goes, a failure stays known', async (t) => {
  t.equal(second('10.0.0.2:6379@16379 master,fail', parked()), '192.0.2.1:6379@16379 master,fail');
  t.equal(second(':0@0 slave,noaddr', parked()), '192.0.2.1:6379@16379 slave');
  t.equal(second('fd00::2:6379@16379 master', parked('100::1')), '100::1:6379@16379 master');
});

t.test('unknown: nothing changes', async (t) => {
  const unknown: Resolution = { kind: 'unknown', pod: 'redis-1', reason: 'held-by-pod-not-injected' };
  t.equal(second(':0@0,h slave,noaddr', unknown), ':0@0,h slave,noaddr');
});

t.test(
  'a zero port is filled: from the aux field that counts, else from myself; others never change',
  async (t) => {
    t.equal(second(':0@0,h master,noaddr', fresh('10.0.9.2')), '10.0.9.2:6379@16379,h master');
    t.equal(
      second(':0@0,,shard-id=x,tcp-port=7001,tls-port=7002 master,noaddr', fresh('10.0.9.2')),
      '10.0.9.2:7001@17001,,shard-id=x,tcp-port=7001,tls-port=7002 master',
    );
    t.equal(
      second(
        ':0@0,,tcp-port=7001,tls-port=7002 master,noaddr',
        fresh('10.0.9.2'),
        '10.0.0.1:6380@16380,,tcp-port=6379,tls-port=6380',
      ),
      '10.0.9.2:7002@17002,,tcp-port=7001,tls-port=7002 master',
      'a cluster that talks TLS puts the TLS port into addresses',
    );
    t.equal(
      second(':0@0,h,tls-port=0 master,noaddr', fresh('10.0.9.2'), '10.0.0.1:0@16379,,tls-port=6379'),
      '10.0.9.2:0@16379,h,tls-port=0 master',
      'with TLS alone later servers save the port 0: the bus port is what peers dial',
    );
    t.equal(
      second(':0@0 master,noaddr', fresh('10.0.9.2'), '10.0.0.1:6379@6390'),
      '10.0.9.2:6379@6390 master',
      'an own cluster-port',
    );
    t.equal(second(':7000@0 master', fresh('10.0.9.2')), '10.0.9.2:7000@17000 master');
    t.equal(
      second(':60000@0 master', fresh('10.0.9.2')),
      '10.0.9.2:60000@16379 master',
      'a bus port that would be none is that of myself',
    );
    t.equal(
      second(':0@0,,tcp-port=99999 master,noaddr', fresh('10.0.9.2')),
      '10.0.9.2:6379@16379,,tcp-port=99999 master',
      'an aux port that is none does not count',
    );
    t.equal(
      second('10.0.0.2:7000 master', fresh('10.0.9.2')),
      '10.0.9.2:7000 master',
      'a missing bus port stays missing',
    );
  },
);

t.test('with TLS alone no port is filled, so that doing it once more changes nothing', async (t) => {
  const C = `${'c'.repeat(39)}3`;
  const text = [
    `${A} :0@0 myself,master - 0 0 1 connected`,
    `${B} :0@0 slave ${A} 0 0 1 connected`,
    `${C} 10.0.0.3:0@16379,,tcp-port=6379,tls-port=6380 slave ${A} 0 0 1 connected\n${vars}`,
  ].join('\n');
  const resolutions = new Map([
    [B, fresh('10.0.9.2')],
    [C, fresh('10.0.9.3')],
  ]);
  const once = formatDocument(rewrite(documentOf(text), resolutions).document);
  t.equal(once, text.replace(`${B} :0@0`, `${B} 10.0.9.2:0@16379`).replace('10.0.0.3', '10.0.9.3'));
  t.same(rewrite(documentOf(once), resolutions).changes, []);
});

t.test('myself: our own IP; flags and ports stay', async (t) => {
  const text = `${A} 10.0.0.1:6379@16379,h myself,master,nofailover - 0 0 1 connected\n${vars}`;
  const { document, changes } = rewrite(
    documentOf(text),
    new Map([[A, { kind: 'self', ip: '10.0.9.1' } as const]]),
  );
  t.equal(formatDocument(document), text.replace('10.0.0.1', '10.0.9.1'));
  t.same(
    changes.map(({ line }) => line),
    [1],
  );
  t.equal(document.myself.address.ip, '10.0.9.1');
});

/** Any resolution that the table can give. */
const resolution: fc.Arbitrary<Resolution> = fc.oneof(
  ip.map((address): Resolution => fresh(address)),
  fc.constantFrom('192.0.2.1', '100::1').map((address): Resolution => parked(address)),
  fc.constant<Resolution>({ kind: 'unknown', pod: null, reason: 'outside-node-kept' }),
);

const documentWithResolutions = nodesConf.chain((text) => {
  const document = documentOf(text);
  const ids = nodeLines(document).map(({ id }) => id);
  return fc
    .record({ own: ip, peers: fc.array(resolution, { minLength: ids.length, maxLength: ids.length }) })
    .map(({ own, peers }) => {
      const resolutions = new Map(ids.map((id, index) => [id, peers[index] as Resolution]));
      resolutions.set(document.myself.id, { kind: 'self', ip: own });
      return { text, document, resolutions };
    });
});

t.test('rewriting twice equals rewriting once', async (t) => {
  fc.assert(
    fc.property(documentWithResolutions, ({ document, resolutions }) => {
      const once = rewrite(document, resolutions);
      const twice = rewrite(documentOf(formatDocument(once.document)), resolutions);
      return twice.changes.length === 0;
    }),
    { numRuns: 2000 },
  );
  t.pass('2000 generated files');
});

t.test('only the address token and the flags change, the tail of the address never', async (t) => {
  const allowed = new Set(['noaddr', 'fail', 'fail?', 'noflags']);
  fc.assert(
    fc.property(documentWithResolutions, ({ text, document, resolutions }) => {
      const after = formatDocument(rewrite(document, resolutions).document).split('\n');
      return text.split('\n').every((line, index) => {
        const before = line.split(' ');
        const now = (after[index] as string).split(' ');
        if (before.length < 8) return line === after[index];
        const tail = (token: string) => token.replace(/^[^,]*/, '');
        const flags = (list: string) => list.split(',').filter((flag) => !allowed.has(flag));
        return (
          before.length === now.length &&
          before.every((field, at) => at === 1 || at === 2 || field === now[at]) &&
          tail(before[1] as string) === tail(now[1] as string) &&
          flags(before[2] as string).join() === flags(now[2] as string).join()
        );
      });
    }),
    { numRuns: 2000 },
  );
  t.pass('2000 generated files');
});

t.test('the port at which a node serves is told apart from others, with TLS alone, too', async (t) => {
  const port = (address: string) =>
    linesToResolve(documentOf(`${A} ${address} myself,master - 0 0 1 connected\n${vars}`))[0]?.port;
  t.equal(port('10.0.0.1:0@16379,h,tls-port=6380,shard-id=x'), '6380');
  t.equal(port('10.0.0.1:6379@16379,h,tls-port=6380'), '6379');
  t.equal(port('10.0.0.1:6379@16379'), '6379');
  t.equal(port(':0@0,h,tls-port=0'), '0');
  t.equal(port(':0@0'), '0');
});

t.test('a non-zero port never changes', async (t) => {
  fc.assert(
    fc.property(documentWithResolutions, ({ document, resolutions }) => {
      const after = nodeLines(rewrite(document, resolutions).document);
      return nodeLines(document).every(({ address }, index) => {
        const now = after[index]?.address;
        return (
          (Number(address.port) === 0 || now?.port === address.port) &&
          (Number(address.cport) === 0 || now?.cport === address.cport)
        );
      });
    }),
  );
  t.pass('generated files');
});
