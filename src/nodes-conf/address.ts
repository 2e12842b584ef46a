/**
 * The address token of a nodes.conf line: `ip:port@cport[,hostname[,aux=value]...]`.
 *
 * Rules from the servers' cluster load functions: the token is cut at the first `,`; of the first part `@`
 * splits off the cluster bus port (absent in files of redis 3: port + 10000), and the LAST `:` splits ip and
 * port, since IPv6 addresses stand without brackets. Everything is kept as text, so that what is not changed
 * is written back byte for byte.
 */
export type Address = {
  /** May be empty: a node that never learned its own address, or a `noaddr` node. */
  ip: string;
  port: string;
  /** Cluster bus port; null where the token has none. */
  cport: string | null;
  /** From the first comma on, comma included: hostname and aux fields, passed through. */
  tail: string;
};

/** The parts of `token`, or null where redis would not read it (no `:`). */
export function parseAddress(token: string): Address | null {
  const comma = token.indexOf(',');
  const head = comma < 0 ? token : token.slice(0, comma);
  const tail = comma < 0 ? '' : token.slice(comma);
  const at = head.indexOf('@');
  const endpoint = at < 0 ? head : head.slice(0, at);
  const cport = at < 0 ? null : head.slice(at + 1);
  const colon = endpoint.lastIndexOf(':');
  if (colon < 0) return null;
  return { ip: endpoint.slice(0, colon), port: endpoint.slice(colon + 1), cport, tail };
}

/** The token of an address; the inverse of `parseAddress`. */
export function formatAddress({ ip, port, cport, tail }: Address): string {
  return `${ip}:${port}${cport === null ? '' : `@${cport}`}${tail}`;
}

/** A port that names nobody: `0`, or nothing at all. */
export function isZeroPort(port: string): boolean {
  return Number(port) === 0;
}

/** The value of an aux field such as `tls-port`, which redis 7.2 and later write after the hostname. */
export function auxField(address: Address, key: string): string | null {
  // The tail is `,hostname,key=value,key=value`: the first two pieces of the split are "" and the hostname.
  const fields = address.tail.split(',').slice(2);
  const field = fields.find((field) => field.startsWith(`${key}=`));
  return field === undefined ? null : field.slice(key.length + 1);
}
