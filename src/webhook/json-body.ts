/** A body's JSON value, or one sentence that says why it has none. */
export type JsonBody = { kind: 'json'; value: unknown } | { kind: 'unreadable'; sentence: string };

/** Real pods nest below 20 deep (managedFields most of all). What we copy from them is serialized recursively. */
const NESTING_MAX = 100;

const [QUOTE, BACKSLASH] = Buffer.from('"\\');
const OPENING = new Set(Buffer.from('[{'));
const CLOSING = new Set(Buffer.from(']}'));

/** Parses a request body. Keys like `__proto__` become plain own properties: JSON.parse makes them so. */
export function readJson(bytes: Buffer): JsonBody {
  if (bytes.length === 0) return { kind: 'unreadable', sentence: 'The request has no body.' };
  if (nestsDeeperThan(NESTING_MAX, bytes)) {
    return { kind: 'unreadable', sentence: `The JSON nests deeper than ${NESTING_MAX} levels.` };
  }
  try {
    return { kind: 'json', value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return { kind: 'unreadable', sentence: 'The body is not JSON.' };
  }
}

/** Counts brackets outside of strings; works on bytes, since UTF-8 uses none of these within a character. */
function nestsDeeperThan(limit: number, bytes: Buffer): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else if (OPENING.has(byte)) {
      depth += 1;
      if (depth > limit) return true;
    } else if (CLOSING.has(byte)) {
      depth -= 1;
    }
  }
  return false;
}
