/** Some of the hostile files of test/integration/hostile-nodes-conf.test.ts, for those who change the parser. */
import fc from 'fast-check';
import t from 'tap';
import { hostileFile } from './hostile/files.ts';
import { judge } from './hostile/judge.ts';

const FILES = 3000;
const seed = Number(process.env.HOSTILE_SEED ?? 6);

t.test('a hostile file is refused, or nothing but its addresses changes', async (t) => {
  let accepted = 0;
  const property = fc.property(hostileFile, (file) => {
    accepted += Number(judge(file).accepted !== null);
  });
  fc.assert(property, { seed, numRuns: FILES });
  t.comment(`seed ${seed}: ${FILES} files, ${accepted} accepted`);
  t.ok(accepted > FILES / 4 && accepted < FILES * (3 / 4), 'neither all nor none');
});
