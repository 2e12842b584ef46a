/** Protocols that lack one step, and the shortest way in which each of them goes wrong. */
import t from 'tap';
import { explore } from './explore.ts';
import type { Mutation } from './mutation.ts';
import type { Setting } from './setting.ts';
import { node } from './settings.ts';

const replica = { master: 1 };
const full: Setting = {
  nodes: [node('recorded', ['deleted'], [0, 2], replica), node('recorded', ['deleted'], [1, 3])],
};
const empty: Setting = {
  nodes: [node('never recorded', ['deleted'], [0, 2], replica), node('never recorded', ['deleted'], [1, 3])],
};
const crashed: Setting = {
  nodes: [node('recorded', ['crashed'], [0, 2], replica), node('recorded', ['crashed'], [1, 3])],
  stranger: { is: 'a pod', ip: 1 },
};
const emptyWith = (is: 'a pod' | 'a StatefulSet pod' | 'an injected pod'): Setting => ({
  ...empty,
  stranger: { is, ip: 1 },
});
const lost: Setting = {
  nodes: [
    node('recorded', ['deleted'], [0, 2], { losesVolumeWith: 0 }),
    node('recorded', ['deleted'], [1, 3]),
  ],
};
const restored: Setting = {
  nodes: [node('never recorded', [], [0, 2]), node('never recorded', [], [1, 3])],
  isRestored: true,
};
const cloned: Setting = {
  nodes: [
    node('never recorded', ['deleted'], [0, 2], replica),
    node('never recorded', [], [1, 3], { cloneOf: 0 }),
  ],
};

const cases: [Mutation, Setting, RegExp][] = [
  ['list before announce', full, /neither redis-0 nor redis-1 has the other's address$/],
  ['mounted map alone', empty, /neither redis-0 nor redis-1 has the other's address$/],
  ['no second list', empty, /redis-0 takes 10.0.0.2 for redis-1, and it is that of nobody$/],
  ['cached list', full, /again and again: redis-\d asks list-pods/],
  ['no contest for an address', crashed, /takes 10.0.0.2 for redis-1, and it is that of the stranger$/],
  ['former addresses count', crashed, /takes 10.0.0.2 for redis-1, and it is that of the stranger$/],
  [
    'any pod is a peer',
    { ...emptyWith('a pod'), savesAtStop: true },
    /takes 10.0.0.2 for redis-1, and it is that of the stranger$/,
  ],
  ['masters are like others', emptyWith('a StatefulSet pod'), /and it is that of the stranger$/],
  ['ages are not compared', emptyWith('an injected pod'), /and it is that of the stranger$/],
  ['no confirmation', lost, /redis-0 starts as a new node although its id is recorded$/],
  ['unmapped lines stay', restored, /redis-0 contacts the original at 10.0.0.2$/],
  ['conflicts are not seen', cloned, /redis-1 serves beside the node whose id it has$/],
];

for (const [mutation, setting, broken] of cases) {
  t.test(mutation, async (t) => {
    t.equal(explore(setting).counterexample, null, 'whole, the protocol stands');
    const { counterexample } = explore(setting, { mutation });
    t.match(counterexample, broken);
    t.comment(`${mutation}:\n${counterexample}`);
  });
}
