/** `--dry-run`: everything is looked up, nothing is written, neither the file nor the map. */
import type { NamespaceApi } from '../kubernetes/namespace-api.ts';
import type { Change } from '../nodes-conf/rewrite.ts';

/** The API without its one write: what would be recorded is only pretended. */
export function withoutWrites(api: NamespaceApi, podName: string): NamespaceApi {
  return {
    ...api,
    writeOwnEntry: async (id) => {
      const { [podName]: _, ...others } = await api.readMap();
      return id === null ? others : { ...others, [podName]: id };
    },
  };
}

/** The changes as a diff; line numbers count from 1, and no line is added or removed. */
export function diffOf(changes: readonly Change[]): string {
  if (changes.length === 0) return 'nothing would change\n';
  return changes.map(({ line, before, after }) => `@@ line ${line} @@\n-${before}\n+${after}\n`).join('');
}
