/** The oracle of nodes.conf: what a real redis-server reads from one. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { endWithUs, removeDirectory, temporaryDirectory } from '../support/leave-nothing.ts';

export type Loaded = {
  /** The reply to CLUSTER NODES. */
  nodes: string;
  /** nodes.conf as the server saves it: all that it read, what it does not show (shard ids, epochs) included. */
  saved: string;
};

/** Addresses of this machine alone. A server whose links start there reaches no other, whatever its file says. */
export type Place = { host: string; port: number };

/** As a server's nodes.conf, `content` (latin1); null if the server does not start with it. */
export async function loadNodesConf(content: string, { host, port }: Place): Promise<Loaded | null> {
  const directory = temporaryDirectory('nodes-conf-');
  const file = join(directory, 'nodes.conf');
  writeFileSync(file, content, 'latin1');
  const socket = join(directory, 'socket');
  const settings = {
    port: String(port),
    bind: host,
    'bind-source-addr': host,
    unixsocket: socket,
    dir: directory,
    'cluster-enabled': 'yes',
    save: '',
    // A crash is an answer too, and its report would take longer than all the rest.
    'crash-log-enabled': 'no',
    'crash-memcheck-enabled': 'no',
  };
  const server = endWithUs(
    spawn(
      'redis-server',
      Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'ignore'],
        // Where an address is a name the server would ask DNS: with no attempts none is sent (resolv.conf(5)).
        env: { ...process.env, RES_OPTIONS: 'attempts:0' },
      },
    ),
  );
  const closed = new Promise<null>((resolve) => server.once('close', () => resolve(null)));
  const ready = new Promise<true>((resolve) => {
    let output = '';
    server.stdout.on('data', (chunk) => {
      output += chunk;
      if (/eady to accept connections/.test(output)) resolve(true);
    });
  });
  const reply = (await Promise.race([ready, closed])) && (await Promise.race([askNodes(socket), closed]));
  server.kill('SIGKILL');
  await closed;
  const loaded = reply === null ? null : { nodes: reply, saved: readFileSync(file, 'latin1') };
  removeDirectory(directory);
  return loaded;
}

/**
 * Has the server save its file, and gives its reply to CLUSTER NODES (RESP: `+OK`, then a bulk string); null if it
 * died of what it has read.
 */
function askNodes(path: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path }).setEncoding('latin1');
    socket.on('error', () => {}).on('close', () => resolve(null));
    socket.write('CLUSTER SAVECONFIG\r\nCLUSTER NODES\r\n');
    let reply = '';
    socket.on('data', (chunk) => {
      reply += chunk;
      const [head, length] = /^\+OK\r\n\$(\d+)\r\n/.exec(reply) ?? [];
      if (head === undefined) {
        if (/^(?:-|\+OK\r\n-)/.test(reply)) reject(new Error(reply));
        return;
      }
      if (reply.length < head.length + Number(length)) return;
      resolve(reply.slice(head.length, head.length + Number(length)));
      socket.destroy();
    });
  });
}
