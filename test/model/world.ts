/**
 * The world around announce-then-look, small enough to explore whole: nodes of one cluster, their pods as they are
 * and as the API shows them, their volumes, the map. All of it is values; what can happen is in `kubernetes.ts`
 * and `steps.ts`.
 */
import type { Interned } from './interned.ts';
import type { Model } from './model.ts';
import { agesDecide, identityOf, members, type Setting } from './setting.ts';
import type { Updater } from './updater.ts';
import { savedVolume, type Volume } from './volume.ts';

export type Phase =
  /** No sandbox: its address is free. */
  | 'down'
  /** The sandbox has its address; the updater has not asked anything yet. */
  | 'up'
  | 'updating'
  /** nodes.conf is rewritten, the server has not started yet. */
  | 'rewritten'
  | 'serving'
  | 'refused'
  /** It has no nodes.conf and serves under an id that nobody knows. */
  | 'new';

/** A pod as the API shows it. */
export type Shown = {
  ip: number;
  order: number;
  sandbox: number;
  injected: boolean;
  updaterEnded: boolean;
  /** The status of a new sandbox beside the address of the one before. */
  former: boolean;
};

export type Node = {
  phase: Phase;
  restarts: number;
  /** The present or last sandbox, counted from 0. */
  sandbox: number;
  /** Its place among those that have had the sandbox's address: who had it earlier has a smaller number. */
  order: number;
  shown: Shown | null;
  /** Deleted, and its object is still there. */
  isLeaving: boolean;
  updater: Interned<Updater> | null;
  /** Null once it is lost. */
  volume: Interned<Volume> | null;
  /** By address: the `order` of who had it when nodes.conf was written last. */
  savedOrders: readonly number[];
};

export type World = {
  nodes: readonly Interned<Node>[];
  /** Nodes that have a key in the map, ascending. */
  recorded: readonly number[];
  /** Every content that the map has had, as `recorded` joined: what a kubelet may have mounted. */
  versions: readonly string[];
  /** Null while it has no address. */
  stranger: { order: number; isShown: boolean } | null;
  /** Nodes whose dead updater has sent a PATCH that the API server has not seen yet. */
  latePatches: readonly number[];
};

export function firstWorld(model: Model): World {
  const { setting } = model;
  const ips = new Map(members(setting).map((node) => [node, ipOf(setting, node, 0)]));
  const masters = new Map(
    setting.nodes.flatMap(({ master }, node) => (master === undefined ? [] : [[node, master]])),
  );
  const nodes = setting.nodes.map(({ before, cloneOf }, node) => {
    const hasRun = !setting.isRestored && cloneOf === undefined;
    const saved = savedVolume(identityOf(setting, node), ips, masters);
    const shown = { ip: ipOf(setting, node, 0), order: 0, sandbox: 0, former: false };
    return internNode(model, {
      phase: hasRun ? 'serving' : 'down',
      restarts: 0,
      sandbox: hasRun ? 0 : 1,
      order: 0,
      shown: hasRun
        ? { ...shown, injected: before !== 'not injected', updaterEnded: before !== 'not injected' }
        : null,
      isLeaving: false,
      updater: null,
      volume: model.volumes(saved.text, () => saved),
      savedOrders: addresses(setting).map(() => 0),
    });
  });
  const recorded = setting.nodes.flatMap(({ before }, node) => (before === 'recorded' ? [node] : []));
  // The volume is optional: where the map was made after the pod, nothing is mounted.
  const versions = [...new Set(['', recorded.join()])];
  return { nodes, recorded, versions, stranger: null, latePatches: [] };
}

/** A node as the one object that stands for all equal ones. */
function internNode({ nodes }: Model, node: Node): Interned<Node> {
  const { phase, restarts, sandbox, order, shown, isLeaving, updater, volume, savedOrders } = node;
  const own = `${phase},${restarts},${sandbox},${order},${isLeaving},${updater?.number},${volume?.number}`;
  return nodes(`${own},${savedOrders},${shown && textOf(shown)}`, () => node);
}

/** A pod's appearance, as text that no other has. */
export function textOf({ ip, order, sandbox, injected, updaterEnded, former }: Shown): string {
  return `${ip}.${order}.${sandbox}.${injected ? 'i' : ''}${updaterEnded ? 'e' : ''}${former ? 'f' : ''}`;
}

/** The world with one node changed. */
export function withNode(model: Model, world: World, node: number, changes: Partial<Node>): World {
  const { number, ...before } = world.nodes[node] as Interned<Node>;
  const changed = internNode(model, { ...before, ...changes });
  return { ...world, nodes: world.nodes.map((other, at) => (at === node ? changed : other)) };
}

/** The world with another content of the map. */
export function withRecorded(world: World, nodes: readonly number[]): World {
  const recorded = [...new Set(nodes)].sort();
  return { ...world, recorded, versions: [...new Set([...world.versions, recorded.join()])].sort() };
}

/** Two worlds with one key behave alike from here on. */
export function keyOf({ nodes, versions, recorded, stranger, latePatches }: World): string {
  const whose = stranger ? `${stranger.order}${stranger.isShown ? 's' : ''}` : '';
  const numbers = nodes.map(({ number }) => number);
  return `${numbers}|${recorded}|${versions.length === 1 ? '' : versions.join('/')}|${whose}|${latePatches}`;
}

/** All addresses of a setting, as numbers from 0. */
function addresses({ nodes, stranger }: Setting): number[] {
  const highest = Math.max(...nodes.flatMap(({ ips }) => ips), stranger?.ip ?? 0);
  return Array.from({ length: highest + 1 }, (_, ip) => ip);
}

/** The address that a setting has for a sandbox. */
export function ipOf({ nodes }: Setting, node: number, sandbox: number): number {
  const ip = nodes[node]?.ips[sandbox];
  if (ip === undefined) throw new TypeError(`Node ${node} has no address for its sandbox ${sandbox}.`);
  return ip;
}

/** The address that a node's sandbox really has; null where it has none. */
export function realIp({ setting }: Model, { nodes }: World, node: number): number | null {
  const { phase, sandbox } = nodes[node] as Node;
  return phase === 'down' ? null : ipOf(setting, node, sandbox);
}

export type Holder = number | 'the stranger' | 'an original';

/** Who really has an address; null where it is free. */
export function holderOf(model: Model, world: World, ip: number): Holder | null {
  const { nodes, stranger, isRestored } = model.setting;
  if (isRestored && nodes.some(({ ips }) => ips[0] === ip)) return 'an original';
  if (world.stranger && stranger?.ip === ip) return 'the stranger';
  const node = nodes.findIndex((_, at) => realIp(model, world, at) === ip);
  return node === -1 ? null : node;
}

/** The `order` of the next one to get an address. */
export function nextOrder({ setting }: Model, { nodes, stranger }: World, ip: number): number {
  const orders = nodes.flatMap(({ order, sandbox, shown, savedOrders }, node) => [
    ipOf(setting, node, sandbox) === ip ? order : 0,
    shown?.ip === ip ? shown.order : 0,
    savedOrders[ip] ?? 0,
  ]);
  return 1 + Math.max(...orders, setting.stranger?.ip === ip ? (stranger?.order ?? 0) : 0);
}

/** What a file written now is younger than; left out of the world where nothing asks for it. */
export function ordersNow(model: Model, world: World, node: number): readonly number[] {
  const { savedOrders } = world.nodes[node] as Node;
  if (!agesDecide(model.setting)) return savedOrders;
  return savedOrders.map((_, ip) => nextOrder(model, world, ip) - 1);
}
