/** Class correlation (Zhou et al. 2018): how a unit's pooled response goes with the probability of every class. */
import { UnitscopeError } from "../errors.ts";

/**
 * Probabilities as centred columns of length 1, so that a correlation is one scalar product.
 *
 * @param probabilities float32, row-major `[imageCount, classCount]`; read only.
 * @param out written, row-major `[classCount, imageCount]`; a class whose probability is constant becomes `NaN`.
 */
export function standardizedColumns(
  probabilities: Float32Array,
  classCount: number,
  out: Float64Array = new Float64Array(probabilities.length),
): Float64Array {
  const imageCount = probabilities.length / classCount;
  if (!Number.isInteger(imageCount) || out.length !== probabilities.length) {
    throw new UnitscopeError(
      "shape",
      `probabilities: expected rows of ${classCount}, got ${probabilities.length} values`,
    );
  }
  for (let cls = 0; cls < classCount; cls++) {
    const column = out.subarray(cls * imageCount, (cls + 1) * imageCount);
    for (let image = 0; image < imageCount; image++) column[image] = probabilities[image * classCount + cls];
    standardize(column);
  }
  return out;
}

/** Centres values and divides by their Euclidean norm, in place; `NaN` throughout if all are equal. */
export function standardize(values: Float64Array): Float64Array {
  if (values.every((value) => value === values[0])) return values.fill(Number.NaN);
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (let at = 0; at < values.length; at++) {
    const distance = values[at] - mean;
    values[at] = distance;
    squares += distance * distance;
  }
  const scale = 1 / Math.sqrt(squares);
  for (let at = 0; at < values.length; at++) values[at] *= scale;
  return values;
}

/**
 * Pearson correlation of one unit with every class, over all images.
 *
 * @param response the unit's pooled responses, standardised, `[imageCount]`; read only.
 * @param columns from `standardizedColumns`; read only.
 * @param out written, `[classCount]`: in [-1, 1]; `NaN` where the response or the probability is constant.
 */
export function classCorrelation(
  response: Float64Array,
  columns: Float64Array,
  out: Float64Array = new Float64Array(columns.length / response.length),
): Float64Array {
  const imageCount = response.length;
  for (let cls = 0; cls < out.length; cls++) {
    const start = cls * imageCount;
    let product = 0;
    let otherProduct = 0;
    let image = 0;
    for (const last = imageCount - 1; image < last; image += 2) {
      product += response[image] * columns[start + image];
      otherProduct += response[image + 1] * columns[start + image + 1];
    }
    if (image < imageCount) product += response[image] * columns[start + image];
    const correlation = product + otherProduct;
    out[cls] = correlation > 1 ? 1 : correlation < -1 ? -1 : correlation;
  }
  return out;
}
