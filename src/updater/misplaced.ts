/**
 * A wrong path must not look like a new node: when there is no file at the configured path, the volume is
 * searched, two levels deep, for a nodes.conf that lies elsewhere.
 */
import type { Dirent, PathLike } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isOurFile } from './nodes-file.ts';

/** A file of 2,000 nodes is under 1 MB; what is larger is a database file. */
const SIZE_AT_MOST_BYTES = 8 * 1024 * 1024;
/** A volume with more files than this is no redis volume that we know; the search must not take minutes. */
const FILES_AT_MOST = 2_000;

/** In latin1: a byte 0xA0 within a name must not count as a space, as it does for \S. */
const MYSELF_LINE = /^[a-z0-9]{40} [^ \n]+ (?:[^ \n]+,)?myself(?:,| )/m;

/** The path of a file with a `myself` line in `volume` or one of its directories; null if there is none. */
export async function findMisplacedNodesConf(volume: string): Promise<string | null> {
  const top = await entries(volume);
  const below = await Promise.all(
    top.filter((entry) => entry.isDirectory()).map((entry) => entries(join(volume, entry.name))),
  );
  const files = [...top, ...below.flat()]
    .filter((entry) => entry.isFile() && !isOurFile(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of files.slice(0, FILES_AT_MOST)) {
    if (await hasMyselfLine(path)) return path;
  }
  return null;
}

async function hasMyselfLine(path: string): Promise<boolean> {
  try {
    const { size } = await stat(path);
    if (size === 0 || size > SIZE_AT_MOST_BYTES) return false;
    return MYSELF_LINE.test(await readFile(path, 'latin1'));
  } catch {
    // Not readable for us: not the file of the user that we run as.
    return false;
  }
}

async function entries(directory: PathLike & string): Promise<Dirent[]> {
  return await readdir(directory, { withFileTypes: true }).catch(() => []);
}
