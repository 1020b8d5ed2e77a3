/** What the intact network says of a block of images. */
import { messageOf, UnitscopeError } from "../errors.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import type { Reference } from "./plain-route.ts";
import { isTie, type Reading, readRow } from "./predictions.ts";
import type { PreparedBlock } from "./prepared-block.ts";

/** Predictions and top-2 margins, `[count]`. */
export interface Baseline {
  readonly predictions: Int32Array;
  readonly margins: Float32Array;
}

/** Ties are settled by the reference. @throws {UnitscopeError} `value` for logits that are not finite, with the image. */
export async function settleBaseline(
  block: ImageBlock,
  { count, logits }: PreparedBlock,
  {
    reference,
    classCount,
    tolerance,
    floor,
  }: { reference: Reference; classCount: number; tolerance: number; floor: number },
): Promise<Baseline> {
  const predictions = new Int32Array(count);
  const margins = new Float32Array(count);
  const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
  for (let row = 0; row < count; row++) {
    try {
      readRow(logits, row, { classCount, into: reading });
    } catch (cause) {
      const place = `image ${block.images[row]}: ${messageOf(cause)}`;
      throw new UnitscopeError("value", `${place}; check the preprocessing and the model`, { cause });
    }
    margins[row] = reading.margin;
    predictions[row] = isTie(reading, tolerance, floor)
      ? await reference.predict(block, row, null)
      : reading.prediction;
  }
  return { predictions, margins };
}
