/**
 * Works through `items` in as many lanes as there are `workers`, each of which does one item at a time: most of a
 * run of the updater is waiting. @throws the first error, after all lanes have ended
 */
export async function inLanes<Worker, Item>(
  workers: readonly Worker[],
  items: Iterable<Item>,
  work: (worker: Worker, item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const lane = async (worker: Worker) => {
    while (waiting.length > 0) await work(worker, waiting.shift() as Item);
  };
  const ended = await Promise.allSettled(workers.map(lane));
  for (const lane of ended) if (lane.status === 'rejected') throw lane.reason;
}
