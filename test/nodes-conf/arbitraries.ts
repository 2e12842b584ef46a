/** Generators of nodes.conf files as the servers may write them. */
import fc from 'fast-check';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
export const nodeId = hex(40);
export const ipv4Address = fc.ipV4();
const ipv6Address = fc.constantFrom('2001:db8::1', 'fd00:10:244::a', '::1', 'fd00::7:8');
export const ip = fc.oneof(ipv4Address, ipv6Address);
const port = fc.integer({ min: 1, max: 55_535 });

const hostname = fc.constantFrom('', 'redis-0.redis.default.svc', 'a');
// The second one is UTF-8 read as latin1: its bytes hold 0xA0 and 0x85, which JavaScript calls spaces.
const aux = fc.constantFrom(
  ',nodename=\xd0\xa0\xd1\x85',
  '',
  ',shard-id=0c1f',
  ',shard-id=0c1f,nodename=n-1,tcp-port=6379,tls-port=6380',
);
const tail = fc.oneof(
  fc.constant(''),
  hostname.map((name) => `,${name}`),
  fc.tuple(hostname, aux).map(([name, fields]) => `,${name}${fields}`),
);
const endpoint = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(ip, port).map(([address, number]) => `${address}:${number}@${number + 10_000}`),
  },
  { weight: 1, arbitrary: fc.constant(':0@0') },
  { weight: 1, arbitrary: fc.constant(':6379@16379') },
  { weight: 1, arbitrary: fc.tuple(ip, port).map(([address, number]) => `${address}:${number}`) },
);
const addressToken = fc.tuple(endpoint, tail).map((parts) => parts.join(''));
const verdict = fc.subarray(['fail?', 'fail', 'noaddr', 'nofailover']);
const slots = fc.constantFrom('', ' 0-5460', ' 1 3 5-7', ' 10923-16383');

type Options = { myself: boolean };

function nodeLine(id: string, { myself }: Options): fc.Arbitrary<string> {
  const role = fc.oneof(
    fc.record({ flag: fc.constantFrom('master', 'primary'), master: fc.constant('-'), held: slots }),
    fc.record({ flag: fc.constantFrom('slave', 'replica'), master: nodeId, held: fc.constant('') }),
  );
  return fc
    .tuple(addressToken, role, verdict, fc.nat(), fc.nat(100), fc.constantFrom('connected', 'disconnected'))
    .map(([address, { flag, master, held }, verdicts, pong, epoch, link]) => {
      const flags = [...(myself ? ['myself'] : []), flag, ...verdicts].join(',');
      return `${id} ${address} ${flags} ${master} 0 ${pong} ${epoch} ${link}${held}`;
    });
}

const varsLine = fc
  .tuple(fc.nat(), fc.nat())
  .map(([current, voted]) => `vars currentEpoch ${current} lastVoteEpoch ${voted}`);

/** A whole file: lines in any order, vars near the end, LF or CRLF, with or without a final newline or padding. */
export const nodesConf: fc.Arbitrary<string> = fc
  .uniqueArray(nodeId, { minLength: 1, maxLength: 8 })
  .chain((ids) =>
    fc.record({
      lines: fc.tuple(...ids.map((id, index) => nodeLine(id, { myself: index === 0 }))),
      order: fc.shuffledSubarray(
        ids.map((_, index) => index),
        { minLength: ids.length },
      ),
      vars: varsLine,
      after: fc.constantFrom([], ['log 1 2 3'], ['']),
      newline: fc.constantFrom('\n', '\r\n'),
      end: fc.constantFrom('newline', 'none', 'padding', 'nul'),
    }),
  )
  .map(({ lines, order, vars, after, newline, end }) => {
    const all = [...order.map((index) => lines[index]), vars, ...after].join(newline);
    return all + { newline, none: '', padding: newline.repeat(5), nul: `${newline}\0\0\0\0` }[end];
  });
