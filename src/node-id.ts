/** A node's id, as the servers write and read it: 40 characters of `[a-z0-9]`. */
export function isNodeId(text: string): boolean {
  return /^[a-z0-9]{40}$/.test(text);
}
