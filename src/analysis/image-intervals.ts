/**
 * Intervals over images for a layer's mean drops. All units are measured, so only the images are a sample. The class of
 * each unit is held fixed: choosing it anew in every resample would add the luck of choosing once more.
 */
import type { BaselineTable, Counts, LayerFlips } from "../ablation/flips.ts";
import type { Interval } from "../stats/bootstrap.ts";
import { type ImageBootstrapOptions, type ImageParts, imageInterval } from "../stats/image-bootstrap.ts";

/** What each image adds to two measures of a layer; their sums are the measures. */
export interface LayerImageParts {
  /** To the mean over units of the overall drop. */
  readonly overall: ImageParts;
  /** To the mean over units of the drop of the given class of each. */
  readonly ofClass: ImageParts;
}

/**
 * What each image adds to a layer's mean drops.
 * @param classes one class a unit: that of its largest drop, or the one that split halves chose; −1 where there is none.
 */
export function layerImageParts(
  { labels, predictions }: BaselineTable,
  { unit, image, prediction, unitCount }: LayerFlips,
  { images, classes }: { images: Int32Array; classes: Int32Array },
): LayerImageParts {
  const overall = new Float64Array(labels.length);
  const ofClass = new Float64Array(labels.length);
  const units = classes.filter((cls) => cls >= 0).length;
  for (let flip = 0; flip < unit.length; flip++) {
    const at = image[flip];
    const label = labels[at];
    const change = predictions[at] === label ? 1 : prediction[flip] === label ? -1 : 0;
    if (change === 0) continue;
    overall[at] += change / (unitCount * labels.length);
    if (label === classes[unit[flip]]) ofClass[at] += change / (units * images[label]);
  }
  return { overall, ofClass };
}

/** 95 % intervals over images of a layer's mean overall drop and of its mean max class drop. */
export function dropIntervals(
  baseline: BaselineTable,
  flips: LayerFlips,
  { counts, classes, ...options }: { counts: Counts; classes: Int32Array } & ImageBootstrapOptions,
): { overall: Interval; maxClass: Interval } {
  const parts = layerImageParts(baseline, flips, { images: counts.images, classes });
  return {
    overall: imageInterval([parts.overall], baseline.labels, options),
    maxClass: imageInterval([parts.ofClass], baseline.labels, options),
  };
}
