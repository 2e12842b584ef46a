import t from 'tap';
import { auxField, formatAddress, isZeroPort, parseAddress } from '../../src/nodes-conf/address.ts';

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

t.test('a token without a port is none', async (t) => {
  t.equal(parseAddress('10.0.0.1'), null);
  t.equal(parseAddress(''), null);
  t.equal(parseAddress('host,a:b'), null);
});

t.test('aux fields stand after the hostname, which is none itself', async (t) => {
  const address = parseAddress('10.0.0.1:6379@16379,tcp-port=1,shard-id=x,tcp-port=7000,tls-port=0');
  t.ok(address);
  if (!address) return;
  t.equal(auxField(address, 'tcp-port'), '7000');
  t.equal(auxField(address, 'tls-port'), '0');
  t.equal(auxField(address, 'nodename'), null);
});

t.test('a port of zero, or none, names nobody', async (t) => {
  t.same(['0', '', '6379', '00'].map(isZeroPort), [true, true, false, true]);
});
