/** How many images one run of a network takes. */
import { freeDim } from "../onnx/dims.ts";
import type { Model } from "./model.ts";

/** Bytes that the widest tensor of a run may have, where more than one image would pass it: memory stays flat. */
const WIDEST = 64 << 20;

/**
 * Images of one run: the network's own number where it takes no other, else `most`, or fewer where the widest of its
 * tensors is large.
 */
export function imagesAtOnce({ batch, shapes }: Pick<Model, "batch" | "shapes">, most: number): number {
  if (batch !== null) return batch;
  let widest = 1;
  for (const shape of shapes.values()) {
    if (!shape.some((dim) => freeDim(dim))) continue; // the same for any number of images
    const size = shape.reduce<number>(
      (product, dim) => product * (typeof dim === "number" ? dim : (freeDim(dim)?.factor ?? 1)),
      1,
    );
    widest = Math.max(widest, size);
  }
  return Math.max(1, Math.min(most, Math.floor(WIDEST / (4 * widest))));
}
