/** Copies among images, by the digests of their content. */
import type { Repeats } from "./image-set.ts";

/**
 * Finds images that are the same as an earlier one.
 * @param digests one an image, any text that tells contents apart; `undefined`: unknown, a copy of none.
 */
export function findRepeats(digests: readonly (string | undefined)[], labels: Int32Array): Repeats {
  const first = new Map<string, number>();
  let count = 0;
  let otherLabel = 0;
  let example: [number, number] = [0, 0];
  for (const [image, digest] of digests.entries()) {
    if (digest === undefined) continue;
    const earlier = first.get(digest);
    if (earlier === undefined) {
      first.set(digest, image);
      continue;
    }
    const differs = labels[image] !== labels[earlier];
    if (count === 0 || (differs && otherLabel === 0)) example = [earlier, image];
    count++;
    if (differs) otherLabel++;
  }
  return { count, otherLabel, example };
}
