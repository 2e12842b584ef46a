import { globSync, readFileSync } from 'node:fs';
import t from 'tap';
import { formatDocument, nodeLines, parseDocument } from '../../src/nodes-conf/document.ts';
import { bringUpToDate, readCases } from './case.ts';

const cases = readCases();

t.test('every case folder', async (t) => {
  t.ok(cases.length >= 11, 'the folders are found');
  for (const golden of cases) {
    t.equal(bringUpToDate(golden.before, golden), golden.after, golden.name);
    t.equal(bringUpToDate(golden.after, golden), golden.after, `${golden.name}, once more`);
  }
});

t.test('files saved by real servers come back byte for byte', async (t) => {
  const files = globSync('test/fixtures/nodes-conf/saved-by/*/*.conf');
  t.equal(files.length, 30);
  for (const file of files) {
    const text = readFileSync(file, 'latin1');
    const parsed = parseDocument(text);
    t.equal(parsed.kind, 'document', file);
    if (parsed.kind !== 'document') continue;
    t.equal(formatDocument(parsed.document), text);
    t.equal(nodeLines(parsed.document).length, 6);
    t.equal(parsed.document.lines.length, 7);
  }
});
