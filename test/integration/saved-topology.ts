/** A nodes.conf as a server saved it, without what may differ between two starts of one cluster. */

/** Where failures and addresses were judged: gone, or judged anew, at another address. */
const VERDICTS = new Set(['noaddr', 'fail', 'fail?', 'noflags']);

/**
 * Ids, hostnames and aux fields, roles, masters, epochs, slots; and the epochs of `vars`. Servers since 7.2 make up a
 * shard id, another at each start, for a node that has none in the `file` they read.
 */
export function topology(saved: string, file: string): string[] {
  const isMadeUp = (shardId: string) => !file.includes(shardId);
  return lines(saved.replace(/shard-id=\w{40}/g, (field) => (isMadeUp(field) ? 'shard-id=made-up' : field)))
    .map((line) => {
      const [id, address = '', flags = '', master, _ping, _pong, epoch, _link, ...slots] = line.split(' ');
      if (id === 'vars') return line;
      const kept = flags.split(',').filter((flag) => !VERDICTS.has(flag));
      return [id, address.replace(/^[^,]*/, ''), kept, master, epoch, ...slots].join(' ');
    })
    .sort();
}

/** Node id -> IP of every node but the server itself, which says its own as it finds it. */
export function peerIps(saved: string): Record<string, string> {
  const peers = lines(saved)
    .map((line) => line.split(' '))
    .filter(([id, , flags]) => id !== 'vars' && !flags?.split(',').includes('myself'))
    .map(([id, address = '']) => [id, address.replace(/:\d+@.*$/, '')]);
  return Object.fromEntries(peers);
}

function lines(saved: string): string[] {
  return saved.split('\n').filter((line) => line !== '');
}
