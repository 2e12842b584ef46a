import t from 'tap';
import { excerpt } from '../src/excerpt.ts';

t.test('a text is quoted, and nothing in it can be taken for the sentence around it', async (t) => {
  const table: Record<string, string> = {
    '/data/nodes.conf': '"/data/nodes.conf"',
    '': '""',
    'a"b\\c': '"a\\"b\\\\c"',
    'a\nb\tc\0': '"a\\nb\\tc\\u0000"',
    '\u007f\u009b2J': '"\\u007f\\u009b2J"',
    '\u202efnoc\u200b\ufeff\u2028': '"\\u202efnoc\\u200b\\ufeff\\u2028"',
    '\u{e0041}': '"\\udb40\\udc41"',
    '\ud800x': '"\\ud800x"',
    'ä … 😀': '"ä … 😀"',
  };
  for (const [text, shown] of Object.entries(table)) t.equal(excerpt(text), shown);
  t.equal(excerpt('a"b', 60, false), 'a\\"b');
});

t.test('it is cut by what is shown, between characters', async (t) => {
  t.equal(excerpt('x'.repeat(60)), `"${'x'.repeat(60)}"`);
  t.equal(excerpt('x'.repeat(61)), `"${'x'.repeat(60)}..."`);
  t.equal(excerpt('\0'.repeat(10_000)), `"${'\\u0000'.repeat(10)}..."`);
  t.equal(excerpt('😀😀', 3), '"😀..."');
});
