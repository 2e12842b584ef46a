import { chmodSync, copyFileSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../kubernetes/command.ts';

/** What goes into an image that is made of files of this machine. */
export type RootTree = {
  /** Path in the image to the file here that is copied there; dynamically linked ones bring their libraries. */
  programs: Record<string, string>;
  /** Path in the image to what the link says. */
  links?: Record<string, string>;
  /** Path in the image to a directory here that is copied there. */
  directories?: Record<string, string>;
  /** Path in the image to text. */
  texts?: Record<string, string>;
  /** Where the paths of `programs` begin, and where their libraries are looked for: a debootstrapped tree. */
  root?: string;
};

/** Users as in the images people run: root, redis, bitnami's and distroless's. */
const PASSWD = `root:x:0:0:root:/root:/bin/sh
redis:x:999:999::/data:/bin/sh
bitnami:x:1001:0::/:/bin/sh
nonroot:x:65532:65532::/home/nonroot:/bin/sh
`;
const GROUP = 'root:x:0:\nredis:x:999:\nnonroot:x:65532:\n';

/** Fills an empty directory with the tree. */
export async function writeRootTree(target: string, tree: RootTree): Promise<void> {
  const place = (path: string) => {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    return join(target, path);
  };
  for (const directory of ['tmp', 'data', 'root', 'home/nonroot']) {
    mkdirSync(join(target, directory), { recursive: true });
  }
  chmodSync(join(target, 'tmp'), 0o1777);
  const root = tree.root ?? '';
  for (const [path, program] of Object.entries(tree.programs)) {
    copyFileSync(await realPath(program, root), place(path));
    for (const library of await libraries(program, root)) {
      copyFileSync(await realPath(library, root), place(library));
    }
  }
  for (const [path, directory] of Object.entries(tree.directories ?? {})) {
    await run(['cp', '--archive', '--dereference', directory, place(path)]);
  }
  for (const [path, text] of Object.entries(tree.links ?? {})) symlinkSync(text, place(path));
  const texts = { '/etc/passwd': PASSWD, '/etc/group': GROUP, ...tree.texts };
  for (const [path, text] of Object.entries(texts)) writeFileSync(place(path), text);
}

/** What a change of makes another image: the tree, and size and time of every program it is copied from. */
export async function fingerprint(tree: RootTree): Promise<string> {
  const sources: string[] = [];
  for (const program of Object.values(tree.programs)) {
    const { size, mtimeMs } = statSync(await realPath(program, tree.root ?? ''));
    sources.push(`${program} ${size} ${mtimeMs}`);
  }
  return JSON.stringify([tree, sources, PASSWD, GROUP]);
}

/** The shared libraries that a program needs, the loader included; none for a static one. */
async function libraries(program: string, root: string): Promise<string[]> {
  // Status 1: not a dynamic executable.
  const output = await run([...within(root), 'ldd', program], { allowed: [1] });
  return [...output.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x/gm)].map(([, path]) => path ?? '');
}

/** The file here that a path of the tree leads to: links in it begin at its root. */
async function realPath(path: string, root: string): Promise<string> {
  return join(root, (await run([...within(root), 'readlink', '-f', path])).trim());
}

function within(root: string): string[] {
  return root === '' ? [] : ['chroot', root];
}
