/**
 * What an ablation changes, as data: the predictions that flip, and the counts that they add up to.
 *
 * Flips of disjoint sets of images joined are the flips of both, whatever the order. Batches, threads, resuming and shared
 * work all rest on that one property; `mergeFlips` is its only home.
 */
import { UnitscopeError } from "../errors.ts";

/** Labels and top-1 predictions of the intact network, one an image, class indices `[imageCount]`; read only. */
export interface BaselineTable {
  readonly labels: Int32Array;
  readonly predictions: Int32Array;
  readonly classCount: number;
}

/**
 * Changed predictions: removing `unit[i]` alone turns the prediction of `image[i]` into `prediction[i]`. Three parallel
 * arrays `[flipCount]`; a pair (unit, image) that is absent keeps its baseline prediction.
 */
export interface Flips {
  readonly unit: Int32Array;
  readonly image: Int32Array;
  readonly prediction: Int32Array;
}

/** The changed predictions of a layer. */
export interface LayerFlips extends Flips {
  readonly layer: string;
  readonly unitCount: number;
}

/** How many images of every class there are, are right, and change sides when a unit is removed. */
export interface Counts {
  readonly unitCount: number;
  readonly classCount: number;
  /** Images of each class, `[classCount]`. */
  readonly images: Int32Array;
  /** Of these, predicted right by the intact network, `[classCount]`. */
  readonly correct: Int32Array;
  /** Right before and wrong after, row-major `[unitCount, classCount]`. */
  readonly lost: Int32Array;
  /** Wrong before and right after, row-major `[unitCount, classCount]`. */
  readonly gained: Int32Array;
}

/**
 * Joins flips of one layer that were found on different images or for different units, sorted by unit and image, so
 * that the result does not depend on who found what first.
 * @throws {UnitscopeError} `value` if a (unit, image) pair comes twice.
 */
export function mergeFlips(parts: readonly Flips[]): Flips {
  const flipCount = parts.reduce((sum, part) => sum + part.unit.length, 0);
  const unit = new Int32Array(flipCount);
  const image = new Int32Array(flipCount);
  const prediction = new Int32Array(flipCount);
  let offset = 0;
  for (const part of parts) {
    unit.set(part.unit, offset);
    image.set(part.image, offset);
    prediction.set(part.prediction, offset);
    offset += part.unit.length;
  }
  const order = new Uint32Array(flipCount).map((_, flip) => flip);
  order.sort((a, b) => unit[a] - unit[b] || image[a] - image[b]);
  for (let i = 1; i < flipCount; i++) {
    const [before, flip] = [order[i - 1], order[i]];
    if (unit[before] === unit[flip] && image[before] === image[flip]) {
      throw new UnitscopeError(
        "value",
        `flips: expected each (unit, image) once, got unit ${unit[flip]} image ${image[flip]} twice`,
      );
    }
  }
  const pick = (values: Int32Array): Int32Array => Int32Array.from(order, (flip) => values[flip]);
  return { unit: pick(unit), image: pick(image), prediction: pick(prediction) };
}

/**
 * Counts lost and gained images per (unit, class).
 *
 * @param options.include uint8 `[imageCount]`: count only images whose entry is not 0 (a half, a fold); all if absent.
 * @throws {UnitscopeError} `shape` or `value` if lengths disagree or an index is out of its range.
 */
export function countFlips(
  { labels, predictions, classCount }: BaselineTable,
  flips: LayerFlips,
  { include }: { include?: Uint8Array } = {},
): Counts {
  const imageCount = labels.length;
  if (predictions.length !== imageCount || (include !== undefined && include.length !== imageCount)) {
    throw new UnitscopeError(
      "shape",
      `baseline: expected ${imageCount} predictions (one a label) and as many in include, got ${predictions.length} and ${include?.length ?? "none"}`,
    );
  }
  checkLengths(flips);
  const images = new Int32Array(classCount);
  const correct = new Int32Array(classCount);
  for (let image = 0; image < imageCount; image++) {
    const label = labels[image];
    if (label < 0 || label >= classCount) {
      throw new UnitscopeError(
        "value",
        `baseline: expected label in 0..${classCount - 1}, got ${label} at image ${image}`,
      );
    }
    if (include !== undefined && include[image] === 0) continue;
    images[label]++;
    if (predictions[image] === label) correct[label]++;
  }

  const { layer, unitCount } = flips;
  const lost = new Int32Array(unitCount * classCount);
  const gained = new Int32Array(unitCount * classCount);
  for (let flip = 0; flip < flips.unit.length; flip++) {
    const unit = flips.unit[flip];
    const image = flips.image[flip];
    const prediction = flips.prediction[flip];
    if (unit < 0 || unit >= unitCount || image < 0 || image >= imageCount) {
      throw new UnitscopeError(
        "value",
        `flips of layer "${layer}": expected unit in 0..${unitCount - 1} and image in 0..${imageCount - 1}, got unit ${unit} image ${image}`,
      );
    }
    if (prediction < 0 || prediction >= classCount || prediction === predictions[image]) {
      throw new UnitscopeError(
        "value",
        `flips of layer "${layer}": expected a changed prediction in 0..${classCount - 1}, got ${prediction} (before: ${predictions[image]}) for unit ${unit} image ${image}`,
      );
    }
    if (include !== undefined && include[image] === 0) continue;
    const label = labels[image];
    if (predictions[image] === label) lost[unit * classCount + label]++;
    else if (prediction === label) gained[unit * classCount + label]++;
  }
  return { unitCount, classCount, images, correct, lost, gained };
}

function checkLengths({ layer, unit, image, prediction }: LayerFlips): void {
  if (image.length !== unit.length || prediction.length !== unit.length) {
    throw new UnitscopeError(
      "shape",
      `flips of layer "${layer}": expected unit, image and prediction of one length, got ${unit.length}, ${image.length}, ${prediction.length}`,
    );
  }
}
