import { once } from 'node:events';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { startWebhook } from './support.ts';

/** The first bytes of a real client of TLS 1.2, whose alerts are not encrypted until the handshake is over. */
function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const write = (bytes: Buffer) => resolve(bytes);
    connectTls({ socket: new Duplex({ read: () => {}, write }), maxVersion: 'TLSv1.2' });
  });
}

/** A fatal alert (RFC 5246, 7.2). */
const alert = (description: number) => Buffer.from([21, 3, 3, 0, 2, 2, description]);

t.test('a handshake that a client ends because of our certificate is told, another is not', async (t) => {
  const { server, port, state } = await startWebhook(t);
  const hello = await clientHello();
  const distrustsAfter = async (description: number) => {
    const client = connect(port, '127.0.0.1').on('error', () => {});
    client.write(hello);
    await once(client, 'data');
    const failed = once(server.server, 'tlsClientError');
    client.write(alert(description));
    await failed;
    client.destroy();
    return state.distrusts;
  };
  t.equal(await distrustsAfter(42), 1, 'bad certificate: what Go sends');
  t.equal(await distrustsAfter(45), 2, 'certificate expired');
  t.equal(await distrustsAfter(46), 3, 'certificate unknown');
  t.equal(await distrustsAfter(48), 4, 'unknown CA');
  t.equal(await distrustsAfter(40), 4, 'handshake failure');
  t.equal(await distrustsAfter(70), 4, 'protocol version');
});
