/** The axes along which rows vary, uncorrelated: a rotation, which leaves lengths and so a ridge penalty as they are. */
import { symmetricEigen } from "../numeric/symmetric-eigen.ts";

/** Rows on their principal axes. */
export interface PrincipalAxes {
  /** Float64, row-major `[rowCount, width]`. */
  readonly coordinates: Float64Array;
  /** Mean squares along each axis, falling, float64 `[width]`. */
  readonly values: Float64Array;
  /** The axes as orthonormal rows, float64, row-major `[width, width]`. */
  readonly vectors: Float64Array;
}

/**
 * Finds the axes.
 * @param rows float64, row-major `[rowCount, width]`, each column with mean 0 for variances; read only.
 */
export function principalAxes(rows: Float64Array, rowCount: number, width: number): PrincipalAxes {
  const gram = new Float64Array(width * width);
  for (let row = 0; row < rowCount; row++) {
    const x = rows.subarray(row * width, (row + 1) * width);
    for (let i = 0; i < width; i++) for (let j = 0; j <= i; j++) gram[i * width + j] += (x[i] * x[j]) / rowCount;
  }
  const { values, vectors } = symmetricEigen(gram, width);
  const coordinates = new Float64Array(rowCount * width);
  for (let row = 0; row < rowCount; row++) {
    for (let axis = 0; axis < width; axis++) {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += rows[row * width + i] * vectors[axis * width + i];
      coordinates[row * width + axis] = sum;
    }
  }
  return { coordinates, values, vectors };
}

/** Vectors on the axes, the first `[k, width]` entries of `point`, on the rows' own coordinates. */
export function rotatedBack(point: Float64Array, k: number, vectors: Float64Array, width: number): Float64Array {
  const weights = new Float64Array(k * width);
  for (let i = 0; i < k; i++) {
    const own = weights.subarray(i * width, (i + 1) * width);
    for (let axis = 0; axis < width; axis++) {
      const along = point[i * width + axis];
      for (let j = 0; j < width; j++) own[j] += along * vectors[axis * width + j];
    }
  }
  return weights;
}
