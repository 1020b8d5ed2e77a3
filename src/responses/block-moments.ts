/**
 * Means and squared deviations over blocks of images that stay apart until they are asked for: two sets of blocks join to
 * the same whatever the order, and the sums are taken in the order of the images.
 */
import { type Moments, mergeMoments } from "../numeric/moments.ts";

/** Moments of several blocks. */
export interface BlockMoments {
  /** First image of each block, ascending, int32 `[blocks]`. */
  readonly firsts: Int32Array;
  /** Values behind each block's moments: images × positions, `[blocks]`. */
  readonly counts: Float64Array;
  /** Row-major `[blocks, units]`. */
  readonly means: Float64Array;
  /** Sums of squared deviations from the means, likewise. */
  readonly squares: Float64Array;
}

/** The moments of one block. */
export function blockMoments(first: number, { count, mean, squares }: Moments): BlockMoments {
  return { firsts: Int32Array.of(first), counts: Float64Array.of(count), means: mean, squares };
}

/** The blocks of all parts. */
export function mergeBlockMoments(parts: readonly BlockMoments[]): BlockMoments {
  const blocks = parts.flatMap((part) => Array.from(part.firsts, (first, at) => ({ first, part, at })));
  blocks.sort((a, b) => a.first - b.first);
  const units = (parts[0]?.means.length ?? 0) / (parts[0]?.firsts.length ?? 1);
  const means = new Float64Array(blocks.length * units);
  const squares = new Float64Array(blocks.length * units);
  blocks.forEach(({ part, at }, row) => {
    means.set(part.means.subarray(at * units, (at + 1) * units), row * units);
    squares.set(part.squares.subarray(at * units, (at + 1) * units), row * units);
  });
  return {
    firsts: Int32Array.from(blocks, ({ first }) => first),
    counts: Float64Array.from(blocks, ({ part, at }) => part.counts[at]),
    means,
    squares,
  };
}

/** The moments over all blocks. */
export function totalMoments({ counts, means, squares }: BlockMoments): Moments {
  const units = means.length / counts.length;
  const each = Array.from(counts, (count, at): Moments => {
    const [from, to] = [at * units, (at + 1) * units];
    return { count, mean: means.slice(from, to), squares: squares.slice(from, to) };
  });
  return each.reduce(mergeMoments);
}
