/**
 * Somebody else's text for a sentence: quoted, cut to `length` characters, with everything escaped that could make a
 * terminal, a log or a reader see another sentence: control characters (the API server drops a warning that has one),
 * and those that reorder text or cannot be seen.
 */
export function excerpt(text: string, length = 60, quoted = true): string {
  let shown = '';
  for (const character of text) {
    const next = escaped(character);
    if (shown.length + next.length > length) {
      shown += '...';
      break;
    }
    shown += next;
  }
  return quoted ? `"${shown}"` : shown;
}

/** As JSON has it, and so are the categories of Unicode that have no shape of their own. */
function escaped(character: string): string {
  const json = JSON.stringify(character).slice(1, -1);
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u, (hidden) => {
    const codes = Array.from({ length: hidden.length }, (_, index) => hidden.charCodeAt(index));
    return codes.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('');
  });
}
