import { randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';
import type { Machine } from './machine.ts';

/** The bridge that pods are attached to; its addresses are the gateways, and the node's own. */
const BRIDGE = 'cni0';
/**
 * Locally administered. Without one of its own a bridge takes the lowest of its ports', another one with every pod
 * that comes or goes, and IPv6 neighbours go on sending to the old one.
 */
const BRIDGE_MAC = '02:00:00:00:00:01';
/** Our end of the line to this host. */
const HOST_LINK = 'host0';

export type Network = {
  podCidrs: string[];
  /** The node's address of each family, in the order of `podCidrs`. */
  nodeAddresses: string[];
  /** The node's address on its line to this host (IPv4, link-local: nothing else is routed there). */
  hostAddress: string;
};

/**
 * Gives an isolated machine a bridge for its pods and a line to this host.
 *
 * @param podCidrs one range, or one of each family; their network addresses end with an even number or `::`,
 *   and the next address is the gateway
 */
export async function createNetwork(machine: Machine, podCidrs: string[]): Promise<Network> {
  const nodeAddresses = podCidrs.map((cidr) => nextAddress(cidr.split('/')[0] ?? ''));
  const { ours, theirs } = await freeLinkLocalPair();
  // The machine's name is long; an interface's may have 15 characters.
  const hostEnd = `riu${machine.name.slice(-6)}`;
  const pid = String(machine.pid());
  await run(['ip', 'link', 'add', hostEnd, 'type', 'veth', 'peer', 'name', HOST_LINK, 'netns', pid]);
  await run(['ip', 'address', 'add', `${ours}/30`, 'dev', hostEnd]);
  await run(['ip', 'link', 'set', hostEnd, 'up']);

  const lines = [
    `link add ${BRIDGE} address ${BRIDGE_MAC} type bridge`,
    `link set ${BRIDGE} up`,
    ...podCidrs.map((cidr, index) => {
      const address = `${nodeAddresses[index]}/${cidr.split('/')[1]}`;
      // Nobody else can have it, and a server cannot listen on it while that is being found out.
      return `address add ${address} dev ${BRIDGE}${address.includes(':') ? ' nodad' : ''}`;
    }),
    `address add ${theirs}/30 dev ${HOST_LINK}`,
    `link set ${HOST_LINK} up`,
    ...podCidrs.map((cidr) => `${cidr.includes(':') ? '-6 ' : ''}route add default dev ${BRIDGE}`),
  ];
  for (const line of lines) await machine.run(['ip', ...line.split(' ')]);
  for (const family of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) {
    await machine.run(['sh', '-c', `! [ -e /proc/sys/net/${family} ] || echo 1 >/proc/sys/net/${family}`]);
  }
  writeCniConfig(machine, podCidrs);
  return { podCidrs, nodeAddresses, hostAddress: theirs };
}

/** Where the CNI plugin `host-local` notes who has which address. */
export function addressesDirectory(machine: Machine): string {
  return join(machine.directory, 'addresses', machine.name);
}

export function cniDirectory(machine: Machine): string {
  return join(machine.directory, 'cni');
}

function writeCniConfig(machine: Machine, podCidrs: string[]): void {
  const bridge = {
    type: 'bridge',
    bridge: BRIDGE,
    isGateway: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      dataDir: join(machine.directory, 'addresses'),
      ranges: podCidrs.map((subnet) => [{ subnet }]),
      routes: podCidrs.map((cidr) => ({ dst: cidr.includes(':') ? '::/0' : '0.0.0.0/0' })),
    },
  };
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  const list = { cniVersion: '0.4.0', name: machine.name, plugins: [bridge, portmap] };
  mkdirSync(cniDirectory(machine));
  writeFileSync(join(cniDirectory(machine), '10-bridge.conflist'), JSON.stringify(list));
}

/** Two neighbours of a link-local range of which this host uses nothing. */
async function freeLinkLocalPair(): Promise<{ ours: string; theirs: string }> {
  const used = await run(['ip', '-4', '-oneline', 'address']);
  for (;;) {
    // Far from 169.254.169.254, at which clouds serve their metadata.
    const prefix = `169.254.${randomInt(200, 250)}.`;
    const first = 4 * randomInt(0, 64);
    if (!used.includes(prefix)) return { ours: `${prefix}${first + 1}`, theirs: `${prefix}${first + 2}` };
  }
}

/** 10.244.0.0 -> 10.244.0.1, fd00:10:244:: -> fd00:10:244::1; the last number must not overflow. */
export function nextAddress(address: string): string {
  return offsetAddress(address, 1);
}

/** The address before; the last number must not be zero. */
export function previousAddress(address: string): string {
  return offsetAddress(address, -1);
}

function offsetAddress(address: string, by: number): string {
  const [, head = '', last = ''] = /^(.*[.:])([0-9a-f]*)$/.exec(address) ?? [];
  const radix = address.includes(':') ? 16 : 10;
  return `${head}${(Number.parseInt(last || '0', radix) + by).toString(radix)}`;
}
