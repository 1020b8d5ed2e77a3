/** Keeps the partial results of blocks in memory, for a pass that nobody continues later. */
import type { BlockStore } from "./block-store.ts";

/** Keeps what one pass finds. */
export function memoryStore<Shared, Layer>(layerCount: number): BlockStore<Shared, Layer> {
  const blocks = new Map<number, { shared: Shared; layers: readonly (readonly Layer[])[] }>();
  const get = (block: number): { shared: Shared; layers: readonly (readonly Layer[])[] } => {
    const found = blocks.get(block);
    if (!found) throw new Error(`block ${block} is not there`);
    return found;
  };
  return {
    has: (block) => blocks.has(block),
    seen: () => ({
      hasShared: (block) => blocks.has(block),
      layer: (block) => (blocks.has(block) ? "whole" : "none"),
    }),
    lacks: (block, wanted) =>
      blocks.has(block) ? undefined : (wanted ?? Array.from({ length: layerCount }, () => null)),
    put: (block, { shared, layers }, only) => {
      blocks.set(block, { shared, layers: layers.map((part, at) => (only?.[at]?.length === 0 ? [] : [part])) });
    },
    shared: (block) => get(block).shared,
    layer: (block, at) => get(block).layers[at][0],
    parts: (block, at) => get(block).layers[at],
    clear: () => blocks.clear(),
  };
}
