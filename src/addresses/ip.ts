/** IP addresses as Kubernetes and redis write them: text. */
import { isIPv6, SocketAddress } from 'node:net';

export type Family = 'ipv4' | 'ipv6';

/**
 * Where a peer is parked whose address is not known: nobody ever answers there, so failure detection works
 * and no stranger is contacted. RFC 5737 (TEST-NET-1) and RFC 6666 (discard prefix).
 */
export const DISCARD_ADDRESS: Record<Family, string> = { ipv4: '192.0.2.1', ipv6: '100::1' };

/** The family of an address; null for an empty one. */
export function familyOf(ip: string): Family | null {
  if (ip === '') return null;
  return ip.includes(':') ? 'ipv6' : 'ipv4';
}

/** True if both texts mean one address. */
export function isSameIp(a: string, b: string): boolean {
  return a === b || canonicalIp(a) === canonicalIp(b);
}

/** Of a pod's addresses (the primary first), the one of the family that the file used before. */
export function pickFamily(ips: readonly string[], family: Family | null): string | undefined {
  return ips.find((ip) => familyOf(ip) === family) ?? ips[0];
}

/** One spelling for each address: IPv6 has many. */
export function canonicalIp(ip: string): string {
  return ip.includes(':') && isIPv6(ip) ? new SocketAddress({ address: ip, family: 'ipv6' }).address : ip;
}
