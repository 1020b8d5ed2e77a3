/**
 * Rotations of a space: random ones, uniform in the sense of Haar, and fractions of them.
 *
 * Matrices are float64, row-major `[size, size]`; row `k` is the `k`-th direction of the rotated basis.
 */
import { randomDirections } from "./random-directions.ts";
import { symmetricEigen } from "./symmetric-eigen.ts";

/**
 * A random rotation: QR of independent normals with a positive diagonal (Stewart 1980), which is uniform over the
 * orthogonal matrices. A reflection becomes a rotation by the sign of its last row, so that its fractions are real;
 * a direction and its opposite are the same direction to remove.
 */
export function haarRotation(size: number, seed: number): Float64Array {
  const q = randomDirections(size, size, seed);
  if (determinantSign(q, size) < 0) for (let i = (size - 1) * size; i < size * size; i++) q[i] = -q[i];
  return q;
}

/** The identity: the basis of units. */
export function identity(size: number): Float64Array {
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) matrix[i * size + i] = 1;
  return matrix;
}

/**
 * The fraction `t` of a rotation: the identity at 0, the rotation at 1, and every angle times `t` between, as in
 * NetDissect's control (Bau et al. 2017).
 *
 * A rotation is normal: A = (Q + Qᵀ)/2 and K = (Q − Qᵀ)/2 commute, and on the plane of angle θ A is cos θ and K is
 * sin θ times a quarter turn. So Qᵗ = f(A) + g(A) K with f(cos θ) = cos tθ and g(cos θ) = sin tθ / sin θ: functions of a
 * symmetric matrix, whatever planes share an angle.
 */
export function rotationPower(q: Float64Array, size: number, t: number): Float64Array {
  if (t === 0) return identity(size);
  if (t === 1) return q.slice();
  const [even, odd] = [new Float64Array(size * size), new Float64Array(size * size)];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const [here, there] = [q[i * size + j], q[j * size + i]];
      even[i * size + j] = (here + there) / 2;
      odd[i * size + j] = (here - there) / 2;
    }
  }
  const { values, vectors } = symmetricEigen(even, size);
  const angles = values.map((cosine) => Math.acos(Math.min(1, Math.max(-1, cosine))));
  const f = functionOf(
    vectors,
    size,
    angles.map((angle) => Math.cos(t * angle)),
  );
  const g = functionOf(
    vectors,
    size,
    angles.map((angle) => (Math.sin(angle) === 0 ? t : Math.sin(t * angle) / Math.sin(angle))),
  );
  const power = multiply(g, odd, size);
  for (let i = 0; i < power.length; i++) power[i] += f[i];
  return orthonormalised(power, size);
}

/** Vᵀ diag(values) V. */
function functionOf(vectors: Float64Array, size: number, values: Float64Array): Float64Array {
  const result = new Float64Array(size * size);
  for (let k = 0; k < size; k++) {
    const row = vectors.subarray(k * size, (k + 1) * size);
    for (let i = 0; i < size; i++) {
      const factor = values[k] * row[i];
      for (let j = 0; j < size; j++) result[i * size + j] += factor * row[j];
    }
  }
  return result;
}

function multiply(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      const factor = a[i * size + k];
      for (let j = 0; j < size; j++) result[i * size + j] += factor * b[k * size + j];
    }
  }
  return result;
}

/** One Newton step towards the nearest orthogonal matrix, X (3 − XᵀX)/2: takes rounding away. */
function orthonormalised(x: Float64Array, size: number): Float64Array {
  const gram = new Float64Array(size * size);
  for (let k = 0; k < size; k++) {
    for (let i = 0; i < size; i++) {
      const factor = x[k * size + i];
      for (let j = 0; j < size; j++) gram[i * size + j] -= (factor * x[k * size + j]) / 2;
    }
  }
  for (let i = 0; i < size; i++) gram[i * size + i] += 1.5;
  return multiply(x, gram, size);
}

/** Sign of the determinant, by elimination with pivots. */
function determinantSign(matrix: Float64Array, size: number): number {
  const a = matrix.slice();
  let sign = 1;
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let i = k + 1; i < size; i++) if (Math.abs(a[i * size + k]) > Math.abs(a[pivot * size + k])) pivot = i;
    const value = a[pivot * size + k];
    if (value === 0) return 0;
    if (value < 0) sign = -sign;
    if (pivot !== k) {
      sign = -sign;
      for (let j = k; j < size; j++) {
        const kept = a[k * size + j];
        a[k * size + j] = a[pivot * size + j];
        a[pivot * size + j] = kept;
      }
    }
    for (let i = k + 1; i < size; i++) {
      const factor = a[i * size + k] / value;
      if (factor !== 0) for (let j = k + 1; j < size; j++) a[i * size + j] -= factor * a[k * size + j];
    }
  }
  return sign;
}
