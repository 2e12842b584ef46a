import t from 'tap';
import { judge } from './health.ts';
import type { View } from './view.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

/** A master at .1 and its replica at .2, both well; `change` spoils what the replica says. */
const cluster = (change: (replica: View) => void = () => undefined): View[] => {
  const peers = (me: string) => [
    {
      id: A,
      ip: '127.0.0.1',
      flags: me === A ? ['myself', 'master'] : ['master'],
      masterId: '-',
      linkState: 'connected',
    },
    {
      id: B,
      ip: '127.0.0.2',
      flags: me === B ? ['myself', 'slave'] : ['slave'],
      masterId: A,
      linkState: 'connected',
    },
  ];
  const view = { state: 'ok', masterHost: '', masterLink: '', keys: 10 };
  const replica = {
    ...view,
    host: '127.0.0.2',
    peers: peers(B),
    role: 'slave',
    masterHost: '127.0.0.1',
    masterLink: 'up',
  };
  change(replica);
  return [{ ...view, host: '127.0.0.1', peers: peers(A), role: 'master' }, replica];
};
const master = (view: View) => view.peers[0] as View['peers'][number];

t.test('a cluster in which all is right is healthy', async (t) => {
  t.same(judge(cluster()), { topology: [], replication: [] });
});

t.test('a node that does not answer is not', async (t) => {
  const [first] = cluster();
  t.match(judge([first, undefined]), { topology: [/^1 of 2 nodes do not answer$/], replication: [/1 of 2/] });
});

const topology: Record<string, (replica: View) => void> = {
  'cluster_state:fail': (view) => {
    view.state = 'fail';
  },
  'an old address': (view) => {
    master(view).ip = '127.0.0.9';
  },
  'no address': (view) => {
    master(view).ip = '';
  },
  'a broken link': (view) => {
    master(view).linkState = 'disconnected';
  },
  'a node that it does not know': (view) => {
    view.peers.shift();
  },
  ...Object.fromEntries(
    ['fail', 'fail?', 'handshake', 'noaddr'].map((flag) => [
      `the flag ${flag}`,
      (view: View) => {
        master(view).flags.push(flag);
      },
    ]),
  ),
};
for (const [what, change] of Object.entries(topology))
  t.test(`${what} on one node alone is not healthy`, async (t) => {
    t.equal(judge(cluster(change)).topology.length, 1);
  });

const replication: Record<string, (replica: View) => void> = {
  "a stranger at the master's old address": (view) => {
    view.masterHost = '127.0.0.9';
  },
  'a link that is down': (view) => {
    view.masterLink = 'down';
  },
  'keys that are missing': (view) => {
    view.keys = 9;
  },
};
for (const [what, change] of Object.entries(replication))
  t.test(`${what}: replication is not right`, async (t) => {
    t.match(judge(cluster(change)), { topology: [], replication: [/^127\.0\.0\.2: /] });
  });
