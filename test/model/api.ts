/** What the API server answers, from the world as it is at that moment. */
import type { Ask } from '../../src/addresses/announce-then-look.ts';
import type { Pod } from '../../src/addresses/pod.ts';
import { pod } from '../addresses/builders.ts';
import type { Interned } from './interned.ts';
import type { Model } from './model.ts';
import { type Heard, mapOf, podName, SAVED_AT, type Updater } from './updater.ts';
import { addressOf } from './volume.ts';
import { type Node, realIp, type Shown, textOf, type World } from './world.ts';

/**
 * The answer to what `updater` asks for, `world` being what its write has made of it; null while the answer is not
 * what it waits for. Each answer is of one moment. That it may arrive later needs no step of its own: nothing
 * that others can see depends on when it does, and the updater's next step comes at any time after.
 */
export function answerTo(
  ask: Ask,
  model: Model,
  world: World,
  node: number,
  updater: Interned<Updater>,
): Heard | null {
  switch (ask.kind) {
    case 'await-own-ip': {
      const isVisible = world.nodes[node]?.shown?.ip === realIp(model, world, node);
      return isVisible ? { key: 'visible', answer: () => ({ kind: 'own-ip-visible' }) } : null;
    }
    case 'list-pods':
      return heardList(model, world, node, updater);
    case 'read-map':
    case 'record-id':
      return heardMap(ask, model, world, node, updater);
    case 'restore-id':
      return { key: 'restored', answer: () => ({ kind: 'restored' }) };
  }
}

function heardMap(
  { kind }: Ask,
  model: Model,
  { recorded }: World,
  node: number,
  { state, memory }: Updater,
): Heard {
  const { mutation } = model;
  const isMounted =
    mutation === 'mounted map alone' || (mutation === 'no confirmation' && state.step === 'confirming');
  const isBlind = mutation === 'conflicts are not seen' && kind === 'record-id';
  const version = isMounted ? memory.mounted : (isBlind ? [node] : recorded).join();
  return { key: version, answer: () => ({ kind: 'map', map: mapOf(model, version) }) };
}

function heardList(model: Model, world: World, node: number, { state, memory }: Updater): Heard {
  const { mutation } = model;
  const isOld =
    (mutation === 'cached list' && state.step === 'announcing') ||
    (mutation === 'no second list' && state.step === 'looking-again');
  if (isOld && memory.firstList) return memory.firstList;
  const { savedOrders } = world.nodes[node] as Node;
  const shows = world.nodes.map(({ shown, sandbox, order }, at) => {
    const forged = at === node && mutation === 'list before announce';
    return forged ? announced(model, world, at, sandbox, order) : shown;
  });
  const strangers = strangersPod(world, savedOrders, model);
  const key = shows.map((shown) => (shown ? `${textOf(shown)}${isOlder(shown, savedOrders)}` : ''));
  return {
    key: `${key.join()}|${strangers?.sandboxReadyAt}`,
    answer: () => ({
      kind: 'pods',
      pods: [
        ...shows.map((shown, at) => nodesPod(at, shown, savedOrders, model)),
        ...(strangers ? [strangers] : []),
      ],
    }),
  };
}

/** What a pod shows once its kubelet has announced its present sandbox. */
export function announced(model: Model, world: World, node: number, sandbox: number, order: number): Shown {
  const ip = realIp(model, world, node) as number;
  return { ip, order, sandbox, injected: true, updaterEnded: false, former: false };
}

function isOlder({ ip, order }: Pick<Shown, 'ip' | 'order'>, savedOrders: readonly number[]): boolean {
  return order <= (savedOrders[ip] as number);
}

/** Times that stand for the order of things: before the asking node's file was written, or after it. */
function nodesPod(
  node: number,
  shown: Shown | null,
  savedOrders: readonly number[],
  { mutation }: Model,
): Pod {
  if (!shown) return pod(podName(node), '');
  const { ip, order, sandbox, injected, updaterEnded, former } = shown;
  const age = isOlder(shown, savedOrders) || mutation === 'ages are not compared' ? 0 : 2 * SAVED_AT;
  return pod(podName(node), addressOf(ip), {
    injected,
    updaterEnded,
    showsFormerAddress: former && mutation !== 'former addresses count',
    // A new sandbox is younger than all that its old address has been given to since.
    sandboxReadyAt: former ? 4 * SAVED_AT + sandbox : age + order * 10 + sandbox,
  });
}

function strangersPod(
  { stranger }: World,
  savedOrders: readonly number[],
  { setting, mutation }: Model,
): Pod | null {
  if (!stranger?.isShown || !setting.stranger || mutation === 'no contest for an address') return null;
  const { is, ip } = setting.stranger;
  const { order } = stranger;
  const isYoung = !isOlder({ ip, order }, savedOrders) && mutation !== 'ages are not compared';
  return pod('other-0', addressOf(ip), {
    injected: is === 'an injected pod',
    updaterEnded: is === 'an injected pod',
    ofStatefulSet: is !== 'a pod' || mutation === 'any pod is a peer',
    sandboxReadyAt: (isYoung ? 2 * SAVED_AT : 0) + order * 10,
  });
}
