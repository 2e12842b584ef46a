import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import t from 'tap';

type Import = { file: string; from: string; isType: boolean };

/** Folders whose code decides: values in, values out. */
const PURE = ['admission', 'nodes-conf', 'addresses', 'provisioning'];
/** Modules that are functions of their arguments. */
const PURE_BUILTINS = new Set(['node:net', 'node:path', 'node:util']);

const files = globSync('src/**/*.ts').sort();
const imports = files.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...statements].map(([, type, named, bare, dynamic]) => {
    const from = (named ?? bare ?? dynamic) as string;
    return {
      file,
      from: from.startsWith('.') ? join(dirname(file), from) : from,
      isType: type !== undefined,
    };
  });
}

const room = (path: string) => path.split('/')[1] as string;

t.test('the imports are found', async (t) => {
  t.ok(files.length > 20);
  t.ok(imports.some(({ file, from }) => file === 'src/updater/main.ts' && from === 'src/updater/run.ts'));
});

t.test('pure folders import neither effects nor frameworks, and only each other', async (t) => {
  const fromPure = imports.filter(({ file }) => PURE.includes(room(file)));
  t.ok(fromPure.length > 10);
  for (const { file, from, isType } of fromPure) {
    const isOurs = from.startsWith('src/');
    const isAllowed = isOurs
      ? PURE.includes(room(from)) ||
        ['src/names.ts', 'src/errors.ts', 'src/excerpt.ts', 'src/node-id.ts'].includes(from)
      : isType || PURE_BUILTINS.has(from) || /^(fast-json-patch|typebox)(\/|$)/.test(from);
    t.ok(isAllowed, `${file} imports ${from}`);
  }
});

t.test('pure folders use neither clock, chance, environment nor process', async (t) => {
  const effects =
    /\b(Date\.now|new Date\(\)|performance\.|Math\.random|process\.|setTimeout|setInterval|fetch\()/;
  for (const file of files.filter((file) => PURE.includes(room(file)))) {
    const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    t.notMatch(code, effects, file);
  }
});

t.test('webhook and updater never import each other; addresses know nothing of files', async (t) => {
  const forbidden: Record<string, string[]> = {
    webhook: ['updater'],
    updater: ['webhook', 'admission'],
    admission: ['nodes-conf', 'addresses', 'updater', 'webhook'],
    addresses: ['nodes-conf'],
    kubernetes: ['updater', 'webhook'],
    certificates: ['updater', 'webhook', 'kubernetes', 'admission', 'provisioning'],
  };
  for (const { file, from } of imports.filter(({ from }) => from.startsWith('src/'))) {
    t.notOk(forbidden[room(file)]?.includes(room(from)), `${file} imports ${from}`);
  }
});

t.test('what issues certificates is loaded when the first one is issued', async (t) => {
  const library = imports.filter(({ from }) => /^(@peculiar\/x509|reflect-metadata)$/.test(from));
  t.same([...new Set(library.map(({ file }) => file))], ['src/certificates/issue.ts']);
  for (const file of files) {
    const code = readFileSync(file, 'utf8');
    t.notMatch(code, /from '[^']*\/issue\.ts'/, `${file} does not import it at its start`);
  }
});

t.test('the updater is our own code and Node, nothing else', async (t) => {
  const { metafile } = await build({
    entryPoints: ['src/updater/main.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
    metafile: true,
  });
  const foreign = Object.keys(metafile.inputs).filter((input) => !input.startsWith('src/'));
  t.same(foreign, []);
});
