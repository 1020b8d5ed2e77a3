/** One item after another: read ahead by one, worked on a few at a time. The only backpressure there is. */

/**
 * Works on all items. The next is read while the last is worked on; a failure of either ends it, and nothing is
 * read behind it.
 *
 * @param options.atOnce items that are worked on at a time; more would only hold memory.
 */
export async function overBlocks<Item, Read>(
  items: readonly Item[],
  {
    read,
    work,
    atOnce,
  }: { read(item: Item): Promise<Read>; work(item: Item, read: Read): Promise<void>; atOnce: number },
): Promise<void> {
  const running = new Set<Promise<void>>();
  let next: Promise<Read> | undefined;
  try {
    for (const [at, item] of items.entries()) {
      const found = await (next ?? read(item));
      next = at + 1 < items.length ? read(items[at + 1]) : undefined;
      next?.catch(() => undefined); // awaited in the next round; a failure must not count as unhandled before
      const job: Promise<void> = work(item, found).finally(() => running.delete(job));
      job.catch(() => undefined); // awaited below
      running.add(job);
      if (running.size >= atOnce) await Promise.race(running);
    }
    await Promise.all(running);
  } finally {
    await next?.catch(() => undefined);
  }
}
