/** A body's JSON value, or one sentence that says why it has none. */
export type JsonBody = { kind: 'json'; value: unknown } | { kind: 'unreadable'; sentence: string };

/** Real pods nest below 20 deep (managedFields most of all). What we copy from them is serialized recursively. */
const NESTING_MAX = 100;

/**
 * Commas and opening brackets, of which each value has one or two. In the API server's largest object (3 MiB) this
 * would be one for every three bytes; real ones have a fifth of that. As objects of ours, the smallest values are
 * twenty times as large as their text.
 */
const VALUES_MAX = 1_000_000;

const [QUOTE, BACKSLASH, COMMA] = Buffer.from('"\\,');
const OPENING = new Set(Buffer.from('[{'));
const CLOSING = new Set(Buffer.from(']}'));

/** Parses a request body. Keys like `__proto__` become plain own properties: JSON.parse makes them so. */
export function readJson(bytes: Buffer): JsonBody {
  if (bytes.length === 0) return { kind: 'unreadable', sentence: 'The request has no body.' };
  const fault = excess(bytes);
  if (fault) return { kind: 'unreadable', sentence: fault };
  try {
    return { kind: 'json', value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return { kind: 'unreadable', sentence: 'The body is not JSON.' };
  }
}

/** What there is too much of. Counts outside of strings; on bytes, since UTF-8 uses none of these within a character. */
function excess(bytes: Buffer): string | undefined {
  let depth = 0;
  let values = 0;
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
      values += 1;
      if (depth > NESTING_MAX) return `The JSON nests deeper than ${NESTING_MAX} levels.`;
    } else if (CLOSING.has(byte)) {
      depth -= 1;
    } else if (byte === COMMA) {
      values += 1;
    }
    if (values > VALUES_MAX) return `The JSON has more than ${VALUES_MAX} commas and brackets.`;
  }
  return undefined;
}
