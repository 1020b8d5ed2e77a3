/** Every unit of a layer through the whole network: in batches, the oracle of the fast routes, or one image at a time. */
import type { ImageBlock } from "../passes/image-block.ts";
import type { FlipCollector } from "./flip-collector.ts";
import type { PlainRoute, Reference, Removal } from "./plain-route.ts";

/** What takes the place of a layer's units. */
export type Replaced = Omit<Removal, "units">;

/** In batches. */
export async function sweepPlain(
  replaced: Replaced,
  block: ImageBlock,
  {
    only,
    collector,
    route,
    count,
  }: { only: Int32Array; collector: FlipCollector; route: PlainRoute; count: () => void },
): Promise<void> {
  const rows = Int32Array.from({ length: block.count }, (_, row) => row);
  for (const unit of only) {
    const removal = { ...replaced, units: [unit] };
    const logits = await route.logits(block, rows, removal);
    await collector.take({ units: new Int32Array(rows.length).fill(unit), rows }, logits, () => removal);
    count();
  }
  collector.settled.plain = only.length * rows.length;
}

/** One image at a time. */
export async function sweepReference(
  replaced: Replaced,
  block: ImageBlock,
  {
    only,
    collector,
    reference,
    count,
  }: { only: Int32Array; collector: FlipCollector; reference: Reference; count: () => void },
): Promise<void> {
  for (const unit of only) {
    const removal = { ...replaced, units: [unit] };
    for (let row = 0; row < block.count; row++) {
      const pair = { units: Int32Array.of(unit), rows: Int32Array.of(row) };
      await collector.take(pair, await reference.logits(block, row, removal), () => removal);
    }
    count();
  }
  collector.settled.plain = only.length * block.count;
}

/** Logits of every image, one at a time, `[count, classCount]`. */
export async function referenceLogits(
  block: ImageBlock,
  reference: Reference,
  classCount: number,
): Promise<Float32Array> {
  const logits = new Float32Array(block.count * classCount);
  for (let row = 0; row < block.count; row++) logits.set(await reference.logits(block, row, null), row * classCount);
  return logits;
}
