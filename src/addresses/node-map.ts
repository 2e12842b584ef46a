/**
 * The map node id -> pod name, read from the ConfigMap `redis-ip-updater-nodes`: one key per pod name, its
 * value the node id; and, below those, the optional key `nodes.txt` with lines `<id> <pod-name>` made by hand.
 *
 * Our own keys count first. An id or a pod that occurs twice names nobody for certain: it is not used and is
 * reported, since a peer under a wrong name is worse than a parked one.
 */
import { NODES_TXT_KEY } from '../names.ts';

export type NodeMap = {
  /** What the resolution may rely on. */
  podOfId: ReadonlyMap<string, string>;
  /** Every pod that an entry names, used or not. */
  pods: ReadonlySet<string>;
  /** Node ids by pod name, from our own keys alone: what each pod recorded of itself. */
  recorded: ReadonlyMap<string, string>;
  /** Every pod that claims an id, used or not: two of them are a conflict. */
  claimants: ReadonlyMap<string, readonly string[]>;
  /** One sentence for each entry that is not used. */
  problems: readonly string[];
};

type Entry = { id: string; pod: string; where: string };

const ID = /^[a-z0-9]{40}$/;

/** From the `data` of the ConfigMap, or from the files of its mounted directory. */
export function parseNodeMap(data: Readonly<Record<string, string>>): NodeMap {
  const problems: string[] = [];
  const own = ownEntries(data, problems);
  const podsWithKey = new Set(own.map(({ pod }) => pod));
  const idsWithKey = new Set(own.map(({ id }) => id));
  const byHand = handMadeEntries(data[NODES_TXT_KEY] ?? '', problems).filter(
    ({ id, pod }) => !podsWithKey.has(pod) && !idsWithKey.has(id),
  );
  const entries = [...own, ...byHand];
  return {
    podOfId: new Map(usable(entries, problems).map(({ id, pod }) => [id, pod])),
    pods: new Set(entries.map(({ pod }) => pod)),
    recorded: new Map(own.map(({ id, pod }) => [pod, id])),
    claimants: claimantsOf(entries),
    problems,
  };
}

/** The id that the map gives a pod, by key or by hand; undefined where none does. */
export function idOfPod(map: NodeMap, pod: string): string | undefined {
  return map.recorded.get(pod) ?? [...map.podOfId].find(([, name]) => name === pod)?.[0];
}

/** Another pod than `pod` that claims `id`; undefined where none does. */
export function otherClaimant(map: NodeMap, id: string, pod: string): string | undefined {
  return map.claimants.get(id)?.find((claimant) => claimant !== pod);
}

function ownEntries(data: Readonly<Record<string, string>>, problems: string[]): Entry[] {
  const entries: Entry[] = [];
  for (const [pod, value] of Object.entries(data)) {
    if (pod === NODES_TXT_KEY) continue;
    const id = value.trim();
    if (ID.test(id)) entries.push({ id, pod, where: `key ${pod}` });
    else problems.push(`key ${pod} is not used: its value is not a node id`);
  }
  return entries;
}

function handMadeEntries(text: string, problems: string[]): Entry[] {
  const entries: Entry[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') continue;
    const [id, pod, ...more] = content.split(/\s+/);
    const where = `${NODES_TXT_KEY} line ${index + 1}`;
    if (id && ID.test(id) && pod && more.length === 0) entries.push({ id, pod, where });
    else problems.push(`${where} is not used: it is not "<node id> <pod name>"`);
  }
  return entries;
}

function usable(entries: Entry[], problems: string[]): Entry[] {
  const ids = countBy(entries, ({ id }) => id);
  const pods = countBy(entries, ({ pod }) => pod);
  return entries.filter(({ id, pod, where }) => {
    const twice = (ids.get(id) ?? 0) > 1 ? `id ${id}` : (pods.get(pod) ?? 0) > 1 ? `pod ${pod}` : null;
    if (twice) problems.push(`${where} is not used: ${twice} occurs more than once`);
    return twice === null;
  });
}

function countBy(entries: Entry[], key: (entry: Entry) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) counts.set(key(entry), (counts.get(key(entry)) ?? 0) + 1);
  return counts;
}

function claimantsOf(entries: Entry[]): Map<string, string[]> {
  const claimants = new Map<string, string[]>();
  for (const { id, pod } of entries) claimants.set(id, [...(claimants.get(id) ?? []), pod]);
  return claimants;
}
