/**
 * Eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to tridiagonal form, then the implicit QL
 * algorithm with Wilkinson's shift (Golub and Van Loan, "Matrix Computations", 8.3).
 */
import { UnitscopeError } from "../errors.ts";

/** Eigenvalues in falling order, and row `i` of `vectors` the unit eigenvector of the `i`-th. */
export interface Eigen {
  /** float64 `[size]`. */
  readonly values: Float64Array;
  /** float64, row-major `[size, size]`; orthonormal rows, each with its largest entry positive. */
  readonly vectors: Float64Array;
}

/** QL steps that one eigenvalue may take; two or three are usual. */
const MOST_STEPS = 60;

/**
 * Decomposes a symmetric matrix.
 * @param matrix float64, row-major `[size, size]`; read only, its upper triangle is not looked at.
 * @throws {UnitscopeError} `value` for entries that are not finite.
 */
export function symmetricEigen(matrix: Float64Array, size: number): Eigen {
  if (!matrix.every(Number.isFinite)) {
    throw new UnitscopeError("value", "eigenvalues: expected finite numbers in the matrix, got NaN or infinity");
  }
  const { diagonal, beside, rows } = tridiagonal(matrix, size);
  diagonalise(diagonal, beside, rows, size);
  const order = Array.from(diagonal.keys()).sort((a, b) => diagonal[b] - diagonal[a] || a - b);
  const vectors = new Float64Array(size * size);
  order.forEach((from, to) => {
    const row = rows.subarray(from * size, (from + 1) * size);
    const largest = row.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
    vectors.set(largest < 0 ? row.map((value) => -value) : row, to * size);
  });
  return { values: Float64Array.from(order, (at) => diagonal[at]), vectors };
}

/** `matrix = rowsᵀ T rows` with T tridiagonal: `diagonal[i]`, and `beside[i]` between i and i + 1. */
function tridiagonal(
  matrix: Float64Array,
  size: number,
): { diagonal: Float64Array; beside: Float64Array; rows: Float64Array } {
  const a = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) a[i * size + j] = a[j * size + i] = matrix[i * size + j];
  const rows = new Float64Array(size * size);
  for (let i = 0; i < size; i++) rows[i * size + i] = 1;
  const beside = new Float64Array(size);
  const v = new Float64Array(size);
  const w = new Float64Array(size);
  for (let k = 0; k + 1 < size; k++) {
    let squares = 0;
    for (let i = k + 1; i < size; i++) {
      v[i] = a[i * size + k];
      squares += v[i] ** 2;
    }
    const length = Math.sqrt(squares);
    const first = v[k + 1];
    const target = first > 0 ? -length : length;
    beside[k] = target;
    v[k + 1] = first - target;
    const norm = squares - 2 * first * target + target * target;
    if (norm === 0) continue; // the column is zero below the diagonal already
    const scale = 2 / norm;
    // The reflection I − scale v vᵀ from both sides: a rank-2 change of the rest of the matrix.
    let product = 0;
    for (let i = k + 1; i < size; i++) {
      let sum = 0;
      for (let j = k + 1; j < size; j++) sum += a[i * size + j] * v[j];
      w[i] = scale * sum;
      product += w[i] * v[i];
    }
    for (let i = k + 1; i < size; i++) w[i] -= 0.5 * scale * product * v[i];
    for (let i = k + 1; i < size; i++) {
      const [vi, wi] = [v[i], w[i]];
      for (let j = k + 1; j < size; j++) a[i * size + j] -= vi * w[j] + wi * v[j];
    }
    // rows ← (I − scale v vᵀ) rows
    w.fill(0);
    for (let i = k + 1; i < size; i++) {
      const vi = v[i];
      for (let j = 0; j < size; j++) w[j] += vi * rows[i * size + j];
    }
    for (let i = k + 1; i < size; i++) {
      const factor = scale * v[i];
      for (let j = 0; j < size; j++) rows[i * size + j] -= factor * w[j];
    }
  }
  return { diagonal: Float64Array.from({ length: size }, (_, i) => a[i * size + i]), beside, rows };
}

/** QL iterations on the tridiagonal matrix, in place; every rotation acts on two rows of eigenvectors. */
function diagonalise(diagonal: Float64Array, beside: Float64Array, rows: Float64Array, size: number): void {
  const d = diagonal;
  const e = beside;
  for (let low = 0; low < size; low++) {
    for (let step = 0; ; step++) {
      let high = low;
      while (high + 1 < size) {
        const scale = Math.abs(d[high]) + Math.abs(d[high + 1]);
        if (Math.abs(e[high]) <= Number.EPSILON * scale) break;
        high++;
      }
      if (high === low) break;
      if (step === MOST_STEPS)
        throw new UnitscopeError("internal", "internal: eigenvalues: expected to converge, got none");
      const half = (d[low + 1] - d[low]) / (2 * e[low]);
      const root = Math.hypot(half, 1);
      let g = d[high] - d[low] + e[low] / (half + (half < 0 ? -root : root));
      let sine = 1;
      let cosine = 1;
      let shift = 0;
      let i = high - 1;
      for (; i >= low; i--) {
        const f = sine * e[i];
        const b = cosine * e[i];
        const r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] -= shift;
          e[high] = 0;
          break;
        }
        sine = f / r;
        cosine = g / r;
        g = d[i + 1] - shift;
        const q = (d[i] - g) * sine + 2 * cosine * b;
        shift = sine * q;
        d[i + 1] = g + shift;
        g = cosine * q - b;
        rotateRows(rows, i, size, sine, cosine);
      }
      if (i >= low) continue;
      d[low] -= shift;
      e[low] = g;
      e[high] = 0;
    }
  }
}

function rotateRows(rows: Float64Array, row: number, size: number, sine: number, cosine: number): void {
  for (let at = row * size, next = at + size, end = next; at < end; at++, next++) {
    const [upper, lower] = [rows[at], rows[next]];
    rows[next] = sine * upper + cosine * lower;
    rows[at] = cosine * upper - sine * lower;
  }
}
