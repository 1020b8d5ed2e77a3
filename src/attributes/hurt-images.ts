/** The images that show what a unit was for: right before its ablation and wrong after it. */
import type { BaselineTable, LayerFlips } from "../ablation/flips.ts";

/** An image that an ablation hurt. */
export interface HurtImage {
  readonly image: number;
  /** Predicted class after the ablation. */
  readonly prediction: number;
}

/**
 * The images of every unit that the ablation hurt most: those that the intact network was surest of come first, since a
 * wide margin that was lost cannot be an accident of the last digits; equal margins in ascending order of image.
 *
 * @param margins largest logit minus the second largest of every image, `[imageCount]`; read only.
 * @param count most images per unit.
 */
export function hurtImages(
  { labels, predictions }: Pick<BaselineTable, "labels" | "predictions">,
  margins: Float64Array,
  flips: LayerFlips,
  count: number,
): HurtImage[][] {
  const hurt: HurtImage[][] = Array.from({ length: flips.unitCount }, () => []);
  for (let flip = 0; flip < flips.unit.length; flip++) {
    const image = flips.image[flip];
    if (predictions[image] !== labels[image]) continue;
    hurt[flips.unit[flip]].push({ image, prediction: flips.prediction[flip] });
  }
  const byMargin = (a: HurtImage, b: HurtImage): number => margins[b.image] - margins[a.image] || a.image - b.image;
  return hurt.map((images) => images.sort(byMargin).slice(0, count));
}
