/**
 * The map node id -> pod name, read from the ConfigMap `redis-ip-updater-nodes`: one key per pod name, its
 * value the node id; and, below those, the optional key `nodes.txt` with lines `<id> <pod-name>` made by hand.
 *
 * Our own keys count first. An id or a pod that occurs twice names nobody for certain: it is not used and is
 * reported, since a peer under a wrong name is worse than a parked one.
 */
import { NODES_TXT_KEY } from '../names.ts';
import { isNodeId } from '../node-id.ts';

/** A DNS subdomain of 253 characters at most, which is what Kubernetes takes for the name of a pod. */
const POD_NAME = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;
/** A ConfigMap has room for half a million entries that are none: what is said of them must not fill the log. */
const PROBLEMS_AT_MOST = 20;

/** One statement of the map: this node is in that pod. */
export type Entry = {
  id: string;
  pod: string;
  /** Null for a key of the pod's own; else the line of `nodes.txt`, counted from 1. */
  line: number | null;
};

export type NodeMap = {
  /** What the resolution may rely on. */
  podOfId: ReadonlyMap<string, string>;
  /** Node ids by pod name, from our own keys alone: what each pod recorded of itself. */
  recorded: ReadonlyMap<string, string>;
  /** What a person wrote: pod names by id of the lines of `nodes.txt`, also where keys say the same or otherwise. */
  byHand: ReadonlyMap<string, string>;
  /** Every entry that counts, usable or not: two of one id are a conflict. */
  entries: readonly Entry[];
  /** The first entry about each pod, even one that says nothing usable: something is known of this pod. */
  entryOfPod: ReadonlyMap<string, Entry>;
  /** One sentence for each entry that is not used; of many, the first ones and how many more there are. */
  problems: readonly string[];
};

/** From the `data` of the ConfigMap, or from the files of its mounted directory. */
export function parseNodeMap(data: Readonly<Record<string, string>>): NodeMap {
  const keys = keyEntries(data);
  const own = keys.filter(({ id }) => isNodeId(id));
  const lines = handMadeEntries(data[NODES_TXT_KEY] ?? '');
  const podsWithKey = new Set(keys.map(({ pod }) => pod));
  const idsWithKey = new Set(own.map(({ id }) => id));
  const fill = lines.entries.filter(({ id, pod }) => !podsWithKey.has(pod) && !idsWithKey.has(id));
  const entries = [...own, ...fill];
  const { usable, doubtful } = separate(entries);
  return {
    podOfId: new Map(usable.map(({ id, pod }) => [id, pod])),
    recorded: new Map(own.map(({ id, pod }) => [pod, id])),
    byHand: new Map(separate(lines.entries).usable.map(({ id, pod }) => [id, pod])),
    entries,
    // The last of equal keys stays: the pod's own key.
    entryOfPod: new Map([...fill, ...keys].map((entry) => [entry.pod, entry])),
    problems: firstOf(problemsOf(keys, lines.rubbish, doubtful)),
  };
}

/** An entry that gives `id` to another pod than `pod`; undefined where none does. */
export function otherClaim(map: NodeMap, id: string, pod: string): Entry | undefined {
  return map.entries.find((entry) => entry.id === id && entry.pod !== pod);
}

function keyEntries(data: Readonly<Record<string, string>>): Entry[] {
  return Object.entries(data)
    .filter(([pod]) => pod !== NODES_TXT_KEY)
    .map(([pod, value]) => ({ id: value.trim(), pod, line: null }));
}

/** The entries of `nodes.txt`, and the lines (counted from 1) that are none. */
function handMadeEntries(text: string): { entries: Entry[]; rubbish: number[] } {
  const entries: Entry[] = [];
  const rubbish: number[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') continue;
    const [id = '', pod = '', ...more] = content.split(/\s+/);
    if (isNodeId(id) && POD_NAME.test(pod) && more.length === 0) entries.push({ id, pod, line: index + 1 });
    else rubbish.push(index + 1);
  }
  return { entries, rubbish };
}

/** Apart: what occurs once, and a sentence for each entry that does not. */
function separate(entries: Entry[]): { usable: Entry[]; doubtful: string[] } {
  const ids = countBy(entries, ({ id }) => id);
  const pods = countBy(entries, ({ pod }) => pod);
  const isTwice = ({ id, pod }: Entry) => (ids.get(id) ?? 0) > 1 || (pods.get(pod) ?? 0) > 1;
  const sentence = ({ id, pod, line }: Entry) => {
    const where = line === null ? `key ${pod}` : `${NODES_TXT_KEY} line ${line}`;
    return `${where} is not used: ${(ids.get(id) ?? 0) > 1 ? `id ${id}` : `pod ${pod}`} occurs more than once`;
  };
  return {
    usable: entries.filter((entry) => !isTwice(entry)),
    doubtful: entries.filter(isTwice).map(sentence),
  };
}

function countBy(entries: Entry[], key: (entry: Entry) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) counts.set(key(entry), (counts.get(key(entry)) ?? 0) + 1);
  return counts;
}

function* problemsOf(keys: Entry[], rubbish: number[], doubtful: string[]): Generator<string> {
  for (const { id, pod } of keys) {
    if (!isNodeId(id)) yield `key ${pod} is not used: its value is not a node id`;
  }
  for (const line of rubbish)
    yield `${NODES_TXT_KEY} line ${line} is not used: it is not "<node id> <pod name>"`;
  yield* doubtful;
}

function firstOf(problems: Iterable<string>): string[] {
  const first: string[] = [];
  let more = 0;
  for (const problem of problems) {
    if (first.length < PROBLEMS_AT_MOST) first.push(problem);
    else more += 1;
  }
  return more > 0 ? [...first, `${more} more entries are not used`] : first;
}
