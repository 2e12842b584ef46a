/**
 * JSON log lines on standard error. Standard output is for what a user asked to see (`--dry-run`).
 * A logging library would be larger than the whole updater, which has to start before every redis.
 */
export type Level = 'info' | 'warn' | 'error';
export type Log = (level: Level, message: string, fields?: Record<string, unknown>) => void;

/** A log of one JSON object a line, with `time` (ISO 8601), `level`, `msg` and the fields given. */
export function createLog(write: (line: string) => void, now: () => Date): Log {
  return (level, msg, fields = {}) => {
    write(`${JSON.stringify({ time: now().toISOString(), level, msg, ...fields })}\n`);
  };
}
