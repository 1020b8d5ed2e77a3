/**
 * The honest split: units are chosen on one part of the images and measured on the other, so that what was chosen by
 * luck does not count as damage.
 */
import { UnitscopeError } from "../errors.ts";
import { seededRandom } from "../numeric/random.ts";

/** Which images choose and which measure; both ascending. The same images with `null` (the paper's way). */
export interface ImageSplit {
  readonly choosing: Int32Array;
  readonly measuring: Int32Array;
}

/**
 * Splits the images of every class at random.
 *
 * @param labels class of every image, `[imageCount]`.
 * @param fraction share of every class that chooses, in (0, 1), rounded to whole images but at least one on each side
 *   where the class has two; `null`: all images choose and all measure.
 * @throws {UnitscopeError} `usage` for another fraction.
 */
export function splitImages(
  labels: Int32Array,
  fraction: number | null,
  { seed = 1 }: { seed?: number } = {},
): ImageSplit {
  const all = Int32Array.from(labels, (_, image) => image);
  if (fraction === null) return { choosing: all, measuring: all };
  if (!(fraction > 0 && fraction < 1)) {
    throw new UnitscopeError(
      "usage",
      `option "rankSplit": expected a fraction between 0 and 1, or none, got ${fraction}`,
    );
  }
  const chooses = new Uint8Array(labels.length);
  const classes = [...new Set(labels)].sort((a, b) => a - b);
  for (const cls of classes) {
    // A stream a class: the split of a class does not depend on which other classes there are.
    const own = seededRandom(seed, cls).shuffle(all.filter((image) => labels[image] === cls));
    const count = Math.min(Math.max(Math.round(fraction * own.length), 1), Math.max(1, own.length - 1));
    for (const image of own.subarray(0, count)) chooses[image] = 1;
  }
  return {
    choosing: all.filter((image) => chooses[image] === 1),
    measuring: all.filter((image) => chooses[image] === 0),
  };
}
