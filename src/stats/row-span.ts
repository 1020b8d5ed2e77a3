/** The span of the rows of a wide matrix: the few directions in which a ridge-penalised model can lie. */

/** Rows as coordinates on an orthonormal basis of their span. */
export interface RowSpan {
  /** Float64, row-major `[rank, featureCount]`; orthonormal rows. */
  readonly basis: Float64Array;
  readonly rank: number;
  /** The rows on that basis, float64, row-major `[rowCount, rank]`. */
  readonly coordinates: Float64Array;
}

/**
 * An orthonormal basis of the rows, by Gram–Schmidt done twice (which is enough for orthogonality to rounding:
 * Giraud, Langou and Rozložník 2005). A row that the others explain up to 1e-10 of its length adds no direction.
 *
 * @param rows float64, row-major `[rowCount, featureCount]`; read only.
 */
export function rowSpan(rows: Float64Array, rowCount: number, featureCount: number): RowSpan {
  const basis: Float64Array[] = [];
  for (let row = 0; row < rowCount; row++) {
    const rest = rows.slice(row * featureCount, (row + 1) * featureCount);
    const length = Math.sqrt(dot(rest, rest));
    for (let pass = 0; pass < 2; pass++) {
      for (const direction of basis) {
        const along = dot(rest, direction);
        for (let i = 0; i < featureCount; i++) rest[i] -= along * direction[i];
      }
    }
    const left = Math.sqrt(dot(rest, rest));
    if (left <= length * 1e-10) continue;
    for (let i = 0; i < featureCount; i++) rest[i] /= left;
    basis.push(rest);
  }
  const rank = basis.length;
  const flat = new Float64Array(rank * featureCount);
  const coordinates = new Float64Array(rowCount * rank);
  basis.forEach((direction, at) => {
    flat.set(direction, at * featureCount);
    for (let row = 0; row < rowCount; row++) {
      coordinates[row * rank + at] = dot(rows.subarray(row * featureCount, (row + 1) * featureCount), direction);
    }
  });
  return { basis: flat, rank, coordinates };
}

/** Vectors on the basis, the first `[count, rank]` entries of `coordinates`, as float64 `[count, featureCount]`. */
export function fromSpan(
  coordinates: Float64Array,
  count: number,
  { basis, rank }: RowSpan,
  featureCount: number,
): Float64Array {
  const vectors = new Float64Array(count * featureCount);
  for (let i = 0; i < count; i++) {
    for (let at = 0; at < rank; at++) {
      const along = coordinates[i * rank + at];
      for (let feature = 0; feature < featureCount; feature++) {
        vectors[i * featureCount + feature] += along * basis[at * featureCount + feature];
      }
    }
  }
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
