/** The part of the cache that holds the archives of one image: `image-` and its tag, as a file name. */
export function imageKind(tag: string): string {
  return `image-${tag.replace(/[^a-z0-9.]+/gi, '-')}`;
}
