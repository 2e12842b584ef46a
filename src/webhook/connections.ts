import type { Server, Socket } from 'node:net';

export type ConnectionLimit = {
  max: number;
  /** Told of each connection that was closed in favour of a new one. */
  onClosed(): void;
};

/**
 * Keeps the number of open connections within a limit, and the way free for new ones: node's own `maxConnections`
 * turns the newcomer away, so that whoever holds idle connections would keep API servers out.
 * Closed is the oldest that has sent no whole request yet, since an API server sends its request at once; where
 * there is none, the one that was used least recently.
 *
 * @returns to be told of each whole request, with the socket on which it came
 */
export function limitConnections(
  server: Server,
  { max, onClosed }: ConnectionLimit,
): (socket: Socket) => void {
  /** By peer, as TLS wraps the socket that was accepted in another one. Oldest first. */
  const strangers = new Map<string, Socket>();
  /** Least recently used first. */
  const known = new Map<string, Socket>();

  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    strangers.set(peer, socket);
    socket.once('close', () => {
      // Its port may be another connection's by now.
      for (const sockets of [strangers, known]) if (sockets.get(peer) === socket) sockets.delete(peer);
    });
    if (strangers.size + known.size <= max) return;
    const [oldest] = strangers.size > 1 ? strangers : known;
    if (!oldest) return;
    const [victim, victimSocket] = oldest;
    strangers.delete(victim);
    known.delete(victim);
    victimSocket.destroy();
    onClosed();
  });

  return (used) => {
    const peer = peerOf(used);
    const socket = strangers.get(peer) ?? known.get(peer);
    if (!socket) return;
    strangers.delete(peer);
    known.delete(peer);
    known.set(peer, socket);
  };
}

const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
