/** True if `error` is one of the operating system's, of one of the codes given (`ENOENT` ...). */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}
