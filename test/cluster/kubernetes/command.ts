import { spawn } from 'node:child_process';

export type RunOptions = {
  cwd?: string;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  stdin?: string;
  /** Statuses besides 0 that are no error. */
  allowed?: number[];
};

/** A command that ended with a status it should not have; `stderr` says why. */
export class CommandFailed extends Error {
  readonly status: number | null;
  readonly stderr: string;

  constructor(command: readonly string[], status: number | null, stderr: string) {
    super(`${command.join(' ')} ended with status ${status}: ${stderr.trim().slice(-4000)}`);
    this.name = 'CommandFailed';
    this.status = status;
    this.stderr = stderr;
  }
}

/**
 * Runs a command to its end.
 *
 * @returns what it wrote to stdout
 * @throws CommandFailed for a status other than 0 that `allowed` does not name; the error of spawn if there is
 *   no such command
 */
export function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    // A command may end without reading its input; its status tells.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.stdin);
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0 || (status !== null && options.allowed?.includes(status))) resolve(stdout);
      else reject(new CommandFailed(command, status, stderr));
    });
  });
}

/** The path of a command, or undefined if the machine has none of that name. */
export async function commandPath(name: string): Promise<string | undefined> {
  const path = await run(['sh', '-c', 'command -v "$1"', 'sh', name], { allowed: [1, 127] });
  return path.trim() || undefined;
}
