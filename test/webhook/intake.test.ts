import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import t from 'tap';
import { createIntake, type IntakeLimits } from '../../src/webhook/intake.ts';

const LIMITS: IntakeLimits = {
  heldMaxBytes: 1_000,
  requestCostBytes: 100,
  handledMaxBytes: 500,
  bodyTimeoutMs: 60_000,
  slowMs: 10,
};

const OVERLOADED = { name: 'Untaken', message: /as many requests as it can hold/ };

/** An intake with a clock, and bodies of so many bytes that are being sent, or were. */
function startIntake(limits: Partial<IntakeLimits> = {}) {
  const clock = { ms: 0 };
  const intake = createIntake({ ...LIMITS, ...limits }, () => clock.ms);
  const begin = async (bytes: number) => {
    const share = intake.open();
    const payload = new PassThrough();
    const received = buffer(share.receive(payload));
    // Who looks at it later must not be too late.
    received.catch(() => {});
    payload.write(Buffer.alloc(bytes));
    await turnOfTheLoop();
    return { share, payload, received };
  };
  const send = async (bytes: number) => {
    const sent = await begin(bytes);
    sent.payload.end();
    return {
      ...sent,
      length: await sent.received.then(
        ({ length }) => length,
        (error) => error.statusCode,
      ),
    };
  };
  return { clock, begin, send };
}

t.test('bodies are taken until no more can be held, and again when some were given back', async (t) => {
  const { send } = startIntake();
  const first = await send(400);
  const second = await send(400);
  t.same([first.length, second.length], [400, 400], '1000 with what requests cost');
  t.equal((await send(0)).length, 429);
  first.share.close();
  first.share.close();
  t.equal((await send(401)).length, 429, 'closing twice gives back once');
  t.equal((await send(400)).length, 400, 'and what was refused holds nothing');
});

t.test('a body that does not fit ends where it does not, and the rest of it is thrown away', async (t) => {
  const { begin, send } = startIntake();
  const { payload, received } = await begin(600);
  payload.write(Buffer.alloc(400));
  await t.rejects(received, OVERLOADED);
  const rest = payload.end(Buffer.alloc(100_000));
  await once(rest, 'end');
  t.equal((await send(900)).length, 900);
});

t.test('slow senders go first, the slowest before others, and only where room is needed', async (t) => {
  const { clock, begin, send } = startIntake();
  const slowest = await begin(300);
  clock.ms = 5;
  const slow = await begin(300);
  t.equal((await send(300)).length, 429, 'nobody is slow yet');
  clock.ms = 14;
  const other = await send(100);
  t.equal(other.length, 100);
  const large = await send(300);
  t.equal(large.length, 300, 'the slowest has gone');
  await t.rejects(slowest.received, OVERLOADED);
  slow.payload.end();
  t.equal((await slow.received).length, 300, 'the other goes on');
  clock.ms = 1_000;
  t.equal((await send(200)).length, 429, 'whole bodies are not slow, however long they are handled');
});

t.test('a body that is not sent to its end', async (t) => {
  const impatient = startIntake({ bodyTimeoutMs: 20 });
  const { received } = await impatient.begin(500);
  await t.rejects(received, { message: /took too long/ }, 'is not waited for');
  // A busy machine may be too slow for this one, too; but there is room for it.
  t.not((await impatient.send(900)).length, 429, 'nor held');
  const { begin, send } = startIntake();
  const broken = await begin(500);
  broken.payload.destroy(new Error('reset'));
  await t.rejects(broken.received, { message: 'reset' });
  const gone = await begin(500);
  gone.share.close();
  t.equal((await send(900)).length, 900, 'nothing of them is held');
});

t.test('turns come in order, as many bytes at a time as are allowed', async (t) => {
  const { send } = startIntake({ heldMaxBytes: 100_000 });
  const begun: number[] = [];
  const ask = async (bytes: number) => {
    const { share } = await send(bytes);
    const turn = share.turn().then(() => begun.push(bytes));
    return { share, turn };
  };
  const [first, second, third, fourth] = [await ask(300), await ask(201), await ask(10), await ask(490)];
  await turnOfTheLoop();
  t.same(begun, [300], 'the third would fit, but it is not its turn');
  second.share.close();
  await t.rejects(second.turn, OVERLOADED, 'whoever left is not waited for');
  await turnOfTheLoop();
  t.same(begun, [300, 10]);
  first.share.close();
  await fourth.turn;
  t.same(begun, [300, 10, 490]);
  third.share.close();
  fourth.share.close();
  const late = await send(500);
  late.share.close();
  await t.rejects(late.share.turn(), OVERLOADED, 'a connection that is gone gets no turn');
  await (await ask(500)).turn;
});

t.test('who leaves gives back what he held, unless his turn has come: that ends with the work', async (t) => {
  const { begin, send } = startIntake();
  const sending = await begin(400);
  sending.share.leave();
  const left = { name: 'Untaken', message: /client closed/ };
  await t.rejects(sending.received, left, 'it is not the body that was bad');
  await t.rejects(sending.share.turn(), left);
  const first = await send(400);
  t.equal(first.length, 400, 'a body that was being sent holds nothing any more');
  await first.share.turn();
  const waiting = await send(200);
  const turn = waiting.share.turn();
  waiting.share.leave();
  await t.rejects(turn, left, 'nobody waits for the answer');
  first.share.leave();
  t.equal((await send(500)).length, 429, 'the first is still being handled');
  const late = await send(200);
  const lateTurn = late.share.turn();
  first.share.close();
  await lateTurn;
});
