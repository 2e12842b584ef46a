/** The readiness probes of a redis container. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { endWithUs } from '../leave-nothing.ts';
import type { Environment } from './environment.ts';

const TIMEOUT_MS = 1000;
/** A real kubelet gives it 1 s, but more than one machine's share of the processor. */
const COMMAND_TIMEOUT_MS = 10_000;

/** Whether a command of the container ends with 0. As in Kubernetes, nothing in it is expanded. */
export function succeeds([command = '', ...args]: readonly string[], env: Environment): Promise<boolean> {
  const child = endWithUs(spawn(command, args, { env, stdio: 'ignore', timeout: COMMAND_TIMEOUT_MS }));
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/** Whether a redis server answers PING with PONG: `redis-cli ping`, without the process. */
export function answersPing(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    const settle = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => settle(data.toString().startsWith('+PONG')));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
    // A server that ends before it answers: no data, no error, and no timeout of a socket that is closed.
    socket.once('close', () => settle(false));
  });
}
