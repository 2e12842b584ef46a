/** What must hold. Each function gives the sentence that says how it is broken, or null. */
import type { Event } from './event.ts';
import { waitsForAddress } from './kubernetes.ts';
import type { Model } from './model.ts';
import { identityOf, members } from './setting.ts';
import { podName } from './updater.ts';
import { addressOf, idOf, PARKED } from './volume.ts';
import { type Holder, holderOf, ipOf, realIp, type World } from './world.ts';

/**
 * `docs/reliability.md` states the known limit: a pod may show an address that it has no more, and whoever has that
 * address may show it to nobody.
 */
export type KnownLimit = 'is allowed' | 'is a violation';

/** In every world. */
export function brokenIn(model: Model, world: World): string | null {
  return neitherKnows(model, world) ?? oneIdTwice(model, world) ?? contactsAnOriginal(model, world);
}

/** At a step from one world to the next. */
export function brokenBy(model: Model, before: World, event: Event, limit: KnownLimit): string | null {
  if (event.startedAnew !== undefined && before.recorded.includes(event.startedAnew)) {
    return `${podName(event.startedAnew)} starts as a new node although its id is recorded`;
  }
  return event.looked === undefined ? null : badLook(model, event.to, event.looked, limit);
}

/** Where nothing happens any more unless somebody wants it: whoever has a sandbox has come to an end. */
export function brokenAtEnd(model: Model, world: World): string | null {
  const stuck = world.nodes.findIndex(
    ({ phase }, at) => !['serving', 'refused', 'new'].includes(phase) && !waitsForAddress(model, world, at),
  );
  return stuck === -1 ? null : `${podName(stuck)} never ends`;
}

/**
 * Of two servers at least one has the other's address. The other's wrong entry for it lasts until it PINGs: a PING
 * from a known id at a new address corrects it. The model leaves PINGs out, so this holds before any of them.
 */
function neitherKnows(model: Model, world: World): string | null {
  const serving = world.nodes.flatMap(({ phase }, at) => (phase === 'serving' ? [at] : []));
  for (const a of serving) {
    for (const b of serving) {
      if (a >= b || identityOf(model.setting, a) === identityOf(model.setting, b)) continue;
      if (!knows(model, world, a, b) && !knows(model, world, b, a)) {
        return `neither ${podName(a)} nor ${podName(b)} has the other's address`;
      }
    }
  }
  return null;
}

function knows(model: Model, world: World, node: number, peer: number): boolean {
  const has = world.nodes[node]?.volume?.ips.get(identityOf(model.setting, peer));
  return has === realIp(model, world, peer);
}

/** A clone of a node that is recorded, or has restarted and so recorded itself. */
function oneIdTwice({ setting }: Model, { nodes }: World): string | null {
  const clone = setting.nodes.findIndex(({ cloneOf }, at) => {
    if (cloneOf === undefined) return false;
    const isKnown = setting.nodes[cloneOf]?.before === 'recorded' || nodes[cloneOf]?.restarts !== 0;
    return isKnown && nodes[at]?.phase === 'serving' && nodes[cloneOf]?.phase === 'serving';
  });
  return clone === -1 ? null : `${podName(clone)} serves beside the node whose id it has`;
}

/** A restored snapshot leaves alone those that it was taken of. */
function contactsAnOriginal({ setting }: Model, { nodes }: World): string | null {
  if (!setting.isRestored) return null;
  const originals = members(setting).map((node) => ipOf(setting, node, 0));
  for (const [at, { phase, volume }] of nodes.entries()) {
    const contacted =
      phase === 'serving' && [...(volume?.ips.values() ?? [])].find((ip) => originals.includes(ip));
    if (contacted !== false && contacted !== undefined) {
      return `${podName(at)} contacts the original at ${addressOf(contacted)}`;
    }
  }
  return null;
}

/**
 * Every address that a look gives to a peer is the peer's own at that moment, and no other's. So what a server has
 * under its master's id was its master's when it looked; what changes later, the master's own look and PING correct.
 * Of other peers than the master, that of one that is not in the map may be left as it was: its PING too corrects it.
 */
function badLook(model: Model, world: World, at: number, limit: KnownLimit): string | null {
  const given = [...(world.nodes[at]?.updater?.result?.ips ?? [])].filter(([, ip]) => ip !== PARKED);
  if (new Set(given.map(([, ip]) => ip)).size < given.length) return `${podName(at)} gives one address twice`;
  for (const [peer, ip] of given) {
    if (peer === identityOf(model.setting, at) || isAt(model, world, peer, ip)) continue;
    if (peer !== model.setting.nodes[at]?.master && isLeft(world, at, peer)) continue;
    const holder = holderOf(model, world, ip);
    // In the limit, nobody is harmed as long as nobody has the address.
    const isLimit = isShownAt(world, peer, ip) && !showsItself(world, holder, ip);
    if (isLimit && (limit === 'is allowed' || holder === null)) continue;
    const whose =
      typeof holder === 'number' ? `the address of ${podName(holder)}` : `that of ${holder ?? 'nobody'}`;
    return `${podName(at)} takes ${addressOf(ip)} for ${podName(peer)}, and it is ${whose}`;
  }
  return null;
}

/** True if the look of a node left the line of a peer as it was. */
function isLeft({ nodes }: World, at: number, peer: number): boolean {
  const state = nodes[at]?.updater?.state;
  if (state?.step !== 'done' || state.outcome.kind !== 'resolved') return false;
  return state.outcome.resolutions.get(idOf(peer))?.kind === 'unknown';
}

/** True if a node with the id of `peer` really is at `ip`. */
function isAt(model: Model, world: World, peer: number, ip: number): boolean {
  return world.nodes.some(
    (_, at) => identityOf(model.setting, at) === peer && realIp(model, world, at) === ip,
  );
}

function isShownAt({ nodes }: World, node: number, ip: number): boolean {
  return nodes[node]?.shown?.ip === ip;
}

/** True if the API shows an address for who really has it. */
function showsItself(world: World, holder: Holder | null, ip: number): boolean {
  if (typeof holder === 'number') return isShownAt(world, holder, ip);
  return holder === 'the stranger' && world.stranger?.isShown === true;
}
