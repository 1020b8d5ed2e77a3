/**
 * Sums of the drop's continuous companions per unit and class, kept for the classes that occur: a block of images has
 * few of a thousand classes.
 */
import { addSums, type ExactSums, exactSums, sumsOf, zeroSums } from "../numeric/exact-sums.ts";

/** Quantities per unit and class: log-probability drop, its square, margin drop, its square. */
const QUANTITIES = 4;

/** Sums over some images. */
export interface ClassSums {
  /** The classes that occur, ascending, int32 `[k]`. */
  readonly classes: Int32Array;
  /** Row-major `[units, k, 4]`. */
  readonly sums: ExactSums;
}

/** The sums of one block. @param dense float64 `[units, classCount, 4]`; @param labels the block's. */
export function classSums(dense: Float64Array, labels: Int32Array, classCount: number): ClassSums {
  const classes = Int32Array.from(new Set(labels)).sort();
  const units = dense.length / (classCount * QUANTITIES);
  const own = new Float64Array(units * classes.length * QUANTITIES);
  for (let unit = 0, to = 0; unit < units; unit++) {
    for (const cls of classes) {
      const from = (unit * classCount + cls) * QUANTITIES;
      own.set(dense.subarray(from, from + QUANTITIES), to);
      to += QUANTITIES;
    }
  }
  return { classes, sums: exactSums(own) };
}

/** Sums over all images of the parts. */
export function mergeClassSums(parts: readonly ClassSums[]): ClassSums {
  const classes = Int32Array.from(new Set(parts.flatMap((part) => [...part.classes]))).sort();
  const place = new Map(Array.from(classes, (cls, at) => [cls, at]));
  const units = unitsOf(parts[0]);
  const sums = zeroSums(units * classes.length * QUANTITIES);
  for (const part of parts) {
    const places = Int32Array.from(part.classes, (cls) => place.get(cls) ?? 0);
    const row = part.classes.length * QUANTITIES;
    addSums(sums, part.sums, (index) => {
      const unit = Math.floor(index / row);
      const at = places[Math.floor((index - unit * row) / QUANTITIES)];
      return (unit * classes.length + at) * QUANTITIES + (index % QUANTITIES);
    });
  }
  return { classes, sums };
}

/** All classes, float64 `[units, classCount, 4]`. */
export function denseSums({ classes, sums }: ClassSums, classCount: number): Float64Array {
  const own = sumsOf(sums);
  const units = own.length / (classes.length * QUANTITIES);
  const dense = new Float64Array(units * classCount * QUANTITIES);
  for (let unit = 0, from = 0; unit < units; unit++) {
    for (const cls of classes) {
      dense.set(own.subarray(from, from + QUANTITIES), (unit * classCount + cls) * QUANTITIES);
      from += QUANTITIES;
    }
  }
  return dense;
}

function unitsOf(part: ClassSums | undefined): number {
  return part ? (part.sums.parts[0]?.length ?? 0) / (part.classes.length * QUANTITIES) : 0;
}
