/** Random parts of a labelled set with the same share of every class: halves, folds. */
import { seededRandom } from "../numeric/random.ts";

/**
 * Deals the rows of every class to `foldCount` folds, as evenly as their number allows. The fold that a class's odd
 * rows go to moves on from class to class, so that folds differ in size by at most one.
 *
 * @param labels class of each row, `[rowCount]`.
 * @param foldCount at least 1; 2 gives halves.
 * @returns uint8 `[rowCount]`, in 0..foldCount−1; a function of labels, number of folds and seed alone.
 */
export function stratifiedFolds(
  labels: Int32Array,
  foldCount: number,
  { seed = 0 }: { seed?: number } = {},
): Uint8Array {
  const random = seededRandom(seed);
  const rows = random.shuffle(Uint32Array.from(labels, (_, row) => row));
  rows.sort((a, b) => labels[a] - labels[b]); // stable: shuffled within each class
  const folds = new Uint8Array(labels.length);
  const start = random.integer(foldCount);
  for (let place = 0; place < rows.length; place++) folds[rows[place]] = (place + start) % foldCount;
  return folds;
}
