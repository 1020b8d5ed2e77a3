/**
 * Random units: rows of random orthogonal matrices, uniform in the sense of Haar. Gram–Schmidt on rows of independent
 * standard normals gives such rows (Stewart 1980).
 */
import { seededRandom } from "./random.ts";

/**
 * Random directions in the space of a layer's units. The first `unitCount` of them are orthonormal, so are the next
 * `unitCount`, and so on.
 *
 * @returns float64, row-major `[count, unitCount]`.
 */
export function randomDirections(unitCount: number, count: number, seed: number): Float64Array {
  const random = seededRandom(seed, 0x0d1e);
  const rows = new Float64Array(count * unitCount);
  for (let row = 0; row < count; row++) {
    const basis = row - (row % unitCount);
    for (;;) {
      const vector = rows.subarray(row * unitCount, (row + 1) * unitCount);
      for (let i = 0; i < unitCount; i++) vector[i] = random.normal();
      const before = Math.sqrt(dot(vector, vector));
      for (let pass = 0; pass < 2; pass++) {
        // twice, since one pass loses orthogonality to rounding
        for (let other = basis; other < row; other++) {
          const direction = rows.subarray(other * unitCount, (other + 1) * unitCount);
          const along = dot(vector, direction);
          for (let i = 0; i < unitCount; i++) vector[i] -= along * direction[i];
        }
      }
      const length = Math.sqrt(dot(vector, vector));
      if (!(length > 1e-9 * before)) continue;
      for (let i = 0; i < unitCount; i++) vector[i] /= length;
      break;
    }
  }
  return rows;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
