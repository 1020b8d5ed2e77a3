/**
 * Responses that are fed in the place of a unit's own, a row for every image, where constants do not do: those of other
 * images (`resample`; Chan et al., "Causal scrubbing", 2022), or constants that are still being looked for.
 */
import { UnitscopeError } from "../errors.ts";
import { seededRandom } from "../numeric/random.ts";
import { isBatchFirst, rowsOf } from "../onnx/rows.ts";
import type { BlockSource } from "../passes/image-block.ts";
import type { Model } from "../runtime/model.ts";
import type { BlockTensor } from "./prepared-block.ts";
import { planSuffix, type UnitPlace } from "./suffix-plan.ts";

/** By tap: responses of which a removed unit gets its part, `[count, ...]`, a row for every image of a block. */
export type FedResponses = ReadonlyMap<string, BlockTensor>;

/** The graph input that a tap's fed responses are. */
export const fedInput = (tap: string): string => `unitscope/fed/${tap}`;

/**
 * Refuses taps whose images do not stand first, one row each, or are not proven to stand apart.
 * @throws {UnitscopeError} `layer`, with what is in the way.
 */
export function requireFed(model: Model, tap: string, method: string): void {
  const { whole } = planSuffix(model, tap);
  const rows = rowsOf(model.rows.get(tap));
  if (whole === null && rows && isBatchFirst(rows)) return;
  throw new UnitscopeError(
    "layer",
    `tensor "${tap}": expected one row an image for method ${method}, got ${whole ?? "images along another axis"}; use method mean`,
  );
}

/** A constant for every unit, at every position of every image. */
export function filledResponses(
  { shapes }: Pick<Model, "shapes">,
  { tap, axis, unitSize }: UnitPlace,
  { constants, count }: { constants: Float32Array; count: number },
): BlockTensor {
  const dims = [count, ...(shapes.get(tap) ?? []).slice(1).map(Number)];
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
  const run = unitSize * dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  for (let at = 0, unit = 0; at < data.length; at += run, unit = (unit + 1) % constants.length) {
    data.fill(constants[unit], at, at + run);
  }
  return { dims, data };
}

/**
 * Reads beside every image those whose responses take the place of its own: with the images in a random circle, the ones
 * that stand 1, 2, … places behind it. So every image gives its responses once a draw, and none gets its own.
 *
 * @param options.draws at least 1. @throws {UnitscopeError} `usage` for as many draws as images, or more.
 */
export function withDonors(source: BlockSource, { draws, seed }: { draws: number; seed: number }): BlockSource {
  const { imageCount } = source;
  if (!Number.isInteger(draws) || draws < 1 || draws >= imageCount) {
    throw new UnitscopeError(
      "usage",
      `option "draws": expected a whole number from 1 to ${imageCount - 1} (images but one), got ${draws}`,
    );
  }
  const circle = seededRandom(seed, 0xd0).shuffle(Int32Array.from({ length: imageCount }, (_, image) => image));
  const place = new Int32Array(imageCount);
  circle.forEach((image, at) => {
    place[image] = at;
  });
  return {
    ...source,
    read: async (images) => {
      const donors: Float32Array[] = [];
      for (let draw = 1; draw <= draws; draw++) {
        // Sources read ascending images faster, so each donor is read in its own place.
        const wanted = images.map((image) => circle[(place[image] + draw) % imageCount]);
        const order = Int32Array.from(wanted.keys()).sort((a, b) => wanted[a] - wanted[b]);
        const { data } = await source.read(order.map((at) => wanted[at]));
        const size = data.length / images.length;
        const sorted = new Float32Array(data.length);
        order.forEach((at, from) => sorted.set(data.subarray(from * size, (from + 1) * size), at * size));
        donors.push(sorted);
      }
      return { ...(await source.read(images)), donors };
    },
  };
}
