import t from 'tap';
import { auxField, formatAddress, isPort, isZeroPort, parseAddress } from '../../src/nodes-conf/address.ts';

const tokens: Record<string, [ip: string, port: string, cport: string | null, tail: string]> = {
  '10.0.0.1:6379@16379': ['10.0.0.1', '6379', '16379', ''],
  '10.0.0.1:6379': ['10.0.0.1', '6379', null, ''],
  ':0@0': ['', '0', '0', ''],
  ':6379@16379': ['', '6379', '16379', ''],
  '2001:db8::1:6379@16379': ['2001:db8::1', '6379', '16379', ''],
  '::1:6379@16379,host.example': ['::1', '6379', '16379', ',host.example'],
  '10.0.0.1:6379@16379,,shard-id=abc': ['10.0.0.1', '6379', '16379', ',,shard-id=abc'],
  '10.0.0.1:6379@16379,a@b:c,shard-id=abc': ['10.0.0.1', '6379', '16379', ',a@b:c,shard-id=abc'],
};

t.test('an address token is cut as the servers cut it, and comes back whole', async (t) => {
  for (const [token, [ip, port, cport, tail]] of Object.entries(tokens)) {
    const address = parseAddress(token);
    t.same(address, { ip, port, cport, tail }, token);
    t.equal(address && formatAddress(address), token);
  }
});

t.test('a token that no server writes is none', async (t) => {
  const none = [
    ...[
      '',
      '10.0.0.1',
      'host,a:b',
      '10.0.0.1:',
      '10.0.0.1:x',
      '10.0.0.1:-1',
      '10.0.0.1:6379x',
      '10.0.0.1:0x10',
    ],
    ...['10.0.0.1:65536', '10.0.0.1:6379@', '10.0.0.1:6379@x', '10.0.0.1:6379@65536', '10.0.0.1:6379@999999'],
    ...['10.0.0.1:6379@16379@2', '10.0.0.1:6379@163:79', 'a@b:6379', `${'x'.repeat(46)}:6379@16379`],
  ];
  for (const token of none) t.equal(parseAddress(token), null, token);
  t.ok(parseAddress(`${'x'.repeat(45)}:65535@65535`), 'what just fits into the buffers of a server');
});

t.test('aux fields stand after the hostname, which is none itself', async (t) => {
  const address = parseAddress('10.0.0.1:6379@16379,tcp-port=1,shard-id=x,tcp-port=7000,tls-port=0');
  t.ok(address);
  if (!address) return;
  t.equal(auxField(address, 'tcp-port'), '7000');
  t.equal(auxField(address, 'tls-port'), '0');
  t.equal(auxField(address, 'nodename'), null);
});

t.test('a port of zero names nobody, and no port is more than 16 bits', async (t) => {
  t.same(['0', '6379', '00'].map(isZeroPort), [true, false, true]);
  t.same(['1', '65535', '0', '', '65536', 'x', '1e3', '-1'].map(isPort), [
    true,
    true,
    ...Array(6).fill(false),
  ]);
});
