/**
 * Every run checks itself: some (unit, image) pairs are repeated by the reference, and the first difference ends the run.
 * What is compared is the prediction, and the logits where there are any: they must be within half of the tolerance
 * inside which predictions are settled by the reference, since everything else rests on that.
 */
import { UnitscopeError } from "../errors.ts";
import { dependentsOf } from "../onnx/edit.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import type { Model } from "../runtime/model.ts";
import type { Reference, Removal } from "./plain-route.ts";
import { predictionOf } from "./plain-route.ts";

/** Which pairs of one layer are repeated. */
export interface CheckChoice {
  /** Fraction of the pairs, in [0, 1]. */
  readonly fraction: number;
  readonly seed: number;
  /** The layer's place among the swept ones. */
  readonly at: number;
}

/** Rows of a block whose pair with a unit is repeated: by seed, layer, unit and image alone, so that neither blocks nor workers change it. */
export function chosenRows({ fraction, seed, at }: CheckChoice, unit: number, images: Int32Array): number[] {
  const rows: number[] = [];
  if (!(fraction > 0)) return rows;
  const begun = mixed(mixed(mixed(START, seed), at), unit);
  for (let row = 0; row < images.length; row++) if (numberOf(mixed(begun, images[row])) < fraction) rows.push(row);
  return rows;
}

/** What a fast route says of one pair. */
export interface FoundPair {
  readonly row: number;
  readonly prediction: number;
  /** Logits `[classCount]`; none where the prediction was proven without them. */
  readonly logits: Float32Array | undefined;
}

/**
 * Repeats pairs of one unit, or of what else a removal removes.
 * @param options.what is removed, as the error names it: `unit 12`.
 * @throws {UnitscopeError} `check` at the first difference, with the layer and the operators between it and the logits.
 */
export async function checkPairs(
  model: Model,
  block: ImageBlock,
  pairs: readonly FoundPair[],
  { removal, reference, what }: { removal: Removal; reference: Reference; what: string },
): Promise<void> {
  for (const { row, prediction, logits } of pairs) {
    const expected = await reference.logits(block, row, removal);
    const off = logits && differenceOf(logits, expected, model.logitFloor);
    const own = predictionOf(expected);
    if (prediction === own && !(off !== undefined && 2 * off > model.tieTolerance)) continue;
    throw differenceAt(model, removal, {
      what,
      image: block.images[row],
      ...(prediction === own
        ? {
            expected: `logits within ${(model.tieTolerance / 2).toPrecision(2)} of the whole network's, as a part of the largest`,
            got: `${off?.toPrecision(2)}`,
          }
        : { expected: `class ${own} as by the whole network`, got: `${prediction} by the fast route` }),
    });
  }
}

/** The error that ends a run. @param options.what is removed; `image` is the number in the whole set. */
export function differenceAt(
  model: Model,
  { tap }: Removal,
  { what, image, expected, got }: { what: string; image: number; expected: string; got: string },
): UnitscopeError {
  const { name } = model.layers.find((layer) => layer.tap === tap) ?? { name: tap };
  const operators = operatorsBehind(model, tap);
  return new UnitscopeError(
    "check",
    `layer "${name}" without ${what}, image ${image}: expected ${expected}, got ${got}; between the layer and the logits: ${operators}; option "engine" plain does without the fast routes`,
    { details: { layer: name, image, operators } },
  );
}

/** The largest difference of two rows of logits, as a part of the largest logit of the second, `floor` at least. */
export function differenceOf(logits: Float32Array, expected: Float32Array, floor: number): number {
  let scale = floor;
  let off = 0;
  for (let cls = 0; cls < expected.length; cls++) {
    scale = Math.max(scale, Math.abs(expected[cls]));
    off = Math.max(off, Math.abs(logits[cls] - expected[cls]));
  }
  return off === 0 ? 0 : off / scale;
}

/** The operators that depend on a tensor, counted, in the order in which they come first. */
function operatorsBehind({ graph }: Model, tap: string): string {
  const dependent = dependentsOf(graph, tap);
  const counts = new Map<string, number>();
  for (const { op, inputs } of graph.nodes) {
    if (inputs.some((name) => dependent.has(name))) counts.set(op, (counts.get(op) ?? 0) + 1);
  }
  return [...counts].map(([op, count]) => (count === 1 ? op : `${count} ${op}`)).join(", ");
}

/** A number in [0, 1) from integers that decides which pairs are repeated: murmur3's mixing, one round a word. */
export function hash(...words: number[]): number {
  return numberOf(words.reduce(mixed, START));
}

const START = 0x9747b28c;

function mixed(before: number, word: number): number {
  let h = Math.imul(before ^ word, 0xcc9e2d51);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function numberOf(h: number): number {
  return (h >>> 0) / 0x1_0000_0000;
}
