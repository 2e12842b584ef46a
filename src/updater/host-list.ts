/**
 * The list of bitnami's entrypoint. Its images keep, beside nodes.conf, which host had which IP when they last
 * started (`nodes.sh`), and before every start of the server replace each of these IPs in nodes.conf by what DNS
 * says of its host now. They do it after us: where pods have swapped IPs, it would give lines that we have just
 * put right the address of somebody else. So the list is emptied when nodes.conf is right; a host that is not in
 * it is one that the entrypoint leaves alone, and enters anew. docs/decisions/cluster-bitnami-nodes-sh.md
 */
import { dirname, join } from 'node:path';
import type { Log } from './log.ts';
import { readNodesFile, removeLeftover, replaceNodesFile } from './nodes-file.ts';

const FILE_NAME = 'nodes.sh';
/** What `declare -p` of bash writes, `=` and quotes by version; nobody else's nodes.sh says this. */
const DECLARATION = /^declare -A host_2_ip_array\b/;
export const EMPTY_LIST = 'declare -A host_2_ip_array=()\n';

/** Empties the list beside `nodesConf`, if there is one; what it was stays beside it. Never throws. */
export async function emptyHostList(nodesConf: string, log: Log): Promise<void> {
  const path = join(dirname(nodesConf), FILE_NAME);
  try {
    const file = await readNodesFile(path);
    if (!file || !DECLARATION.test(file.text) || file.text === EMPTY_LIST) return;
    await removeLeftover(file.path);
    await replaceNodesFile(file, EMPTY_LIST);
    log('info', 'the list of the entrypoint beside nodes.conf was emptied', { path });
  } catch (error) {
    // The server must not be kept from starting: what the entrypoint may do then, it did before us.
    log('warn', 'the list beside nodes.conf stays: the entrypoint may put old addresses into nodes.conf', {
      path,
      error: String(error),
    });
  }
}
