/** Clients that do not wait for the answer: nobody is to blame, but what is being handled holds its memory all the same. */
import { once } from 'node:events';
import { request } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { fixturePorts, type Review, readFixture } from '../admission/fixture.ts';
import { until } from '../cluster/kubernetes/until.ts';
import { post, startWebhook } from './support.ts';

const review = readFixture<Review>('official-redis', 'review.json') as Review;
/** Two of them are more than is handled at a time. */
const large = JSON.stringify({ ...review, padding: 'x'.repeat(4e6) });

t.test('who hangs up while his review is handled makes no room for another', async (t) => {
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const ports = fixturePorts('official-redis');
  let lookups = 0;
  const webhook = await startWebhook(t, {
    ports: {
      ...ports,
      findStatefulSet: async (owner) => {
        lookups += 1;
        entered.resolve();
        await gate.promise;
        return ports.findStatefulSet(owner);
      },
    },
  });
  const connected = once(webhook.server.server, 'secureConnection');
  const options = { host: '127.0.0.1', port: webhook.port, ca: webhook.ca, path: '/mutate', method: 'POST' };
  const first = request({ ...options, agent: false, headers: { 'content-type': 'application/json' } });
  first.on('error', () => {}).end(large);
  const [socket] = (await connected) as [Socket];
  await entered.promise;
  const second = post(webhook, large);
  const gone = once(socket, 'close');
  first.destroy();
  await gone;
  // A turn that is given wrongly would be taken within this time; a machine that is slower sees nothing wrong.
  await delay(300);
  t.equal(lookups, 1, 'the second waits');
  gate.resolve();
  t.equal((await second).status, 200, 'until the first is done');
  t.equal(lookups, 2);
});

t.test('who hangs up while he sends is not counted as one who sends what cannot be read', async (t) => {
  const webhook = await startWebhook(t);
  const connected = once(webhook.server.server, 'secureConnection');
  const options = { host: '127.0.0.1', port: webhook.port, ca: webhook.ca, path: '/mutate', method: 'POST' };
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(large) };
  const sending = request({ ...options, agent: false, headers });
  sending.on('error', () => {}).write(large.slice(0, 100_000));
  const [socket] = (await connected) as [Socket];
  await until('half of it is there', 60_000, () => socket.bytesRead > 100_000);
  // The server says of it that the request was cut, too.
  const gone = new Promise((resolve) => socket.once('close', resolve));
  sending.destroy();
  await gone;
  t.equal((await post(webhook, large)).status, 200, 'its share is free again');
  t.match(webhook.observed, [{ kind: 'answered' }]);
  t.equal(webhook.observed.length, 1);
});
