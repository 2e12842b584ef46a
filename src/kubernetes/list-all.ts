import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';

/** Objects a page: a list of a whole cluster is never in memory unreduced. */
const PAGE_LIMIT = 500;

export type Page = { limit: number; _continue?: string };

/** All pages of one list, each object reduced as its page comes. Rejects if a page fails, also when it expired. */
export async function listAll<Whole extends KubernetesObject, Kept extends KubernetesObject>(
  fetchPage: (page: Page) => Promise<KubernetesListObject<Whole>>,
  reduce: (object: Whole) => Kept,
): Promise<KubernetesListObject<Kept>> {
  const items: Kept[] = [];
  let page = await fetchPage({ limit: PAGE_LIMIT });
  for (;;) {
    for (const item of page.items) items.push(reduce(item));
    const next = page.metadata?._continue;
    // All pages are of one moment, so the last one's resourceVersion is that of the list.
    if (!next) return { ...page, items };
    page = await fetchPage({ limit: PAGE_LIMIT, _continue: next });
  }
}
