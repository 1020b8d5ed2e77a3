/**
 * Sums of the drop's continuous companions per unit and class, kept for the classes that occur: a block of images has
 * few of a thousand classes.
 */
import {
  addNumber,
  addSums,
  type ExactSums,
  type GrowingSums,
  growingSums,
  sumsOf,
  zeroSums,
} from "../numeric/exact-sums.ts";
import type { Companions } from "./predictions.ts";

/** Quantities per unit and class, four of each companion: sum and sum of squares of damage, then of gains (as sizes). */
const QUANTITIES = 8;

/** What a unit's removal does to the companions, log-probability first, then margin. */
export interface CompanionChanges {
  /** Float64 `[units, classCount, 8]`. */
  readonly sums: Float64Array;
  /** Largest damage and largest gain of a single image, of each companion; float64 `[units, 4]`. */
  readonly largest: Float64Array;
}

/** Sums over some images. */
export interface ClassSums {
  /** The classes that occur, ascending, int32 `[k]`. */
  readonly classes: Int32Array;
  /** Row-major `[units, k, 8]`. */
  readonly sums: ExactSums;
  /** `[units, 4]`. */
  readonly largest: Float64Array;
}

/** Pairs of a unit and an image of a block. */
export interface Pairs {
  readonly units: Int32Array;
  /** The image's place in its block. */
  readonly rows: Int32Array;
}

/** Collects the changes of one block of images. */
export interface ChangeCollector {
  /** Takes what removing its unit takes from the log-probability and the margin of the image of every pair. */
  add(pairs: Pairs, drops: Companions): void;
  finish(): ClassSums;
}

/** Starts collecting. @param labels class of every image of the block. */
export function collectChanges(units: number, labels: Int32Array): ChangeCollector {
  const classes = Int32Array.from(new Set(labels)).sort();
  const place = new Map(Array.from(classes, (cls, at) => [cls, at]));
  const places = labels.map((cls) => place.get(cls) ?? 0);
  const sums = growingSums(units * classes.length * QUANTITIES);
  const largest = new Float64Array(units * 4);
  return {
    add: (pairs, { logProbabilities, margins }) => {
      const into = { sums, largest, places, classCount: classes.length };
      addCompanion(into, pairs, logProbabilities, 0);
      addCompanion(into, pairs, margins, 1);
    },
    finish: () => ({ classes, sums, largest }),
  };
}

function addCompanion(
  {
    sums,
    largest,
    places,
    classCount,
  }: { sums: GrowingSums; largest: Float64Array; places: Int32Array; classCount: number },
  { units, rows }: Pairs,
  drops: Float64Array,
  companion: 0 | 1,
): void {
  for (let pair = 0; pair < units.length; pair++) {
    const unit = units[pair];
    const drop = drops[pair];
    const size = Math.abs(drop);
    const side = drop > 0 ? 0 : 1;
    const at = (unit * classCount + places[rows[pair]]) * QUANTITIES + 4 * companion + 2 * side;
    addNumber(sums, at, size);
    addNumber(sums, at + 1, size * size);
    const extreme = unit * 4 + 2 * companion + side;
    if (size > largest[extreme]) largest[extreme] = size;
  }
}

/** Sums over all images of the parts. */
export function mergeClassSums(parts: readonly ClassSums[]): ClassSums {
  const classes = Int32Array.from(new Set(parts.flatMap((part) => [...part.classes]))).sort();
  const place = new Map(Array.from(classes, (cls, at) => [cls, at]));
  const units = unitsOf(parts[0]);
  const largest = new Float64Array(parts[0]?.largest.length ?? 0);
  const sums = zeroSums(units * classes.length * QUANTITIES);
  for (const part of parts) {
    for (let at = 0; at < largest.length; at++) largest[at] = Math.max(largest[at], part.largest[at]);
    const places = Int32Array.from(part.classes, (cls) => place.get(cls) ?? 0);
    const row = part.classes.length * QUANTITIES;
    addSums(sums, part.sums, (index) => {
      const unit = Math.floor(index / row);
      const at = places[Math.floor((index - unit * row) / QUANTITIES)];
      return (unit * classes.length + at) * QUANTITIES + (index % QUANTITIES);
    });
  }
  return { classes, sums, largest };
}

/** The same for all classes. */
export function denseSums({ classes, sums, largest }: ClassSums, classCount: number): CompanionChanges {
  const own = sumsOf(sums);
  const units = own.length / (classes.length * QUANTITIES);
  const dense = new Float64Array(units * classCount * QUANTITIES);
  for (let unit = 0, from = 0; unit < units; unit++) {
    for (const cls of classes) {
      dense.set(own.subarray(from, from + QUANTITIES), (unit * classCount + cls) * QUANTITIES);
      from += QUANTITIES;
    }
  }
  return { sums: dense, largest };
}

function unitsOf(part: ClassSums | undefined): number {
  return part ? (part.sums.parts[0]?.length ?? 0) / (part.classes.length * QUANTITIES) : 0;
}
