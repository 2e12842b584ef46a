/**
 * The address token of a nodes.conf line: `ip:port@cport[,hostname[,aux=value]...]`.
 *
 * Rules from the servers' cluster load functions: the token is cut at the first `,`; of the first part `@`
 * splits off the cluster bus port (absent in files of redis 3: port + 10000), and the LAST `:` splits ip and
 * port, since IPv6 addresses stand without brackets. Everything is kept as text, so that what is not changed
 * is written back byte for byte.
 *
 * No server checks more: a second `@`, a port of letters or a number too large becomes an address that nobody
 * meant, and an ip longer than 45 characters (NET_IP_STR_LEN) overwrites what lies behind it in memory. None of
 * them writes such a token either, so it is a sign of a harmed file.
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

const ENDPOINT = /^([^@]{0,45}):(\d{1,5})(?:@(\d{1,5}))?$/;

/** The parts of `token`, or null where it is none that a server writes. */
export function parseAddress(token: string): Address | null {
  const comma = token.indexOf(',');
  const endpoint = comma < 0 ? token : token.slice(0, comma);
  const tail = comma < 0 ? '' : token.slice(comma);
  const [, ip, port, cport = null] = ENDPOINT.exec(endpoint) ?? [];
  if (ip === undefined || port === undefined) return null;
  const isAddress = isAtMostPort(port) && (cport === null || isAtMostPort(cport));
  return isAddress ? { ip, port, cport, tail } : null;
}

/** The token of an address; the inverse of `parseAddress`. */
export function formatAddress({ ip, port, cport, tail }: Address): string {
  return `${ip}:${port}${cport === null ? '' : `@${cport}`}${tail}`;
}

/** A port that names nobody. */
export function isZeroPort(port: string): boolean {
  return Number(port) === 0;
}

/** A port at which somebody can listen. */
export function isPort(port: string): boolean {
  return /^\d{1,5}$/.test(port) && isAtMostPort(port) && !isZeroPort(port);
}

function isAtMostPort(digits: string): boolean {
  return Number(digits) <= 65_535;
}

/** The value of an aux field such as `tls-port`, which redis 7.2 and later write after the hostname. */
export function auxField(address: Address, key: string): string | null {
  // The tail is `,hostname,key=value,key=value`: the first two pieces of the split are "" and the hostname.
  const fields = address.tail.split(',').slice(2);
  const field = fields.find((field) => field.startsWith(`${key}=`));
  return field === undefined ? null : field.slice(key.length + 1);
}

/**
 * The port at which a node serves; zero where it is not known. With TLS alone redis 7.2 and later, and valkey, save
 * the port 0, and theirs as the aux field `tls-port`.
 */
export function servedPort(address: Address): string {
  return (isZeroPort(address.port) ? auxField(address, 'tls-port') : null) ?? address.port;
}
