/** Rotations and eigenvectors by their laws, and against values that the definition gives. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { haarRotation, identity, rotationPower } from "../../src/numeric/orthogonal.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { symmetricEigen } from "../../src/numeric/symmetric-eigen.ts";

/** Largest difference between two arrays. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])), 0);
}

/** a · b, or a · bᵀ. */
function product(a: Float64Array, b: Float64Array, size: number, { turned = false } = {}): Float64Array {
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    let sum = 0;
    for (let k = 0; k < size; k++) sum += a[i * size + k] * b[turned ? j * size + k : k * size + j];
    return sum;
  });
}

const sizes = fc.integer({ min: 1, max: 24 });

describe("symmetricEigen", () => {
  test("rebuilds random matrices from orthonormal vectors and falling values", () => {
    fc.assert(
      fc.property(sizes, fc.integer(), fc.boolean(), (size, seed, isRankOne) => {
        const random = seededRandom(seed);
        const matrix = new Float64Array(size * size);
        const v = Float64Array.from({ length: size }, () => random.normal());
        for (let i = 0; i < size; i++) {
          for (let j = 0; j <= i; j++) {
            matrix[i * size + j] = matrix[j * size + i] = isRankOne ? v[i] * v[j] : random.normal();
          }
        }
        const { values, vectors } = symmetricEigen(matrix, size);
        expect(distance(product(vectors, vectors, size, { turned: true }), identity(size))).toBeLessThan(1e-12);
        expect(Array.from(values)).toEqual(Array.from(values).sort((a, b) => b - a));
        const scaled = vectors.map((value, at) => value * values[Math.floor(at / size)]);
        const turned = Float64Array.from(vectors, (_, at) => vectors[(at % size) * size + Math.floor(at / size)]);
        expect(distance(product(turned, scaled, size), matrix)).toBeLessThan(1e-11 * size);
      }),
      { seed: 1 },
    );
  });

  test("knows a matrix solved by hand, and diagonal ones", () => {
    const { values, vectors } = symmetricEigen(Float64Array.of(2, 1, 1, 2), 2);
    expect(distance(values, [3, 1])).toBeLessThan(1e-15);
    expect(distance(vectors.map(Math.abs), [0.5, 0.5, 0.5, 0.5].map(Math.sqrt))).toBeLessThan(1e-15);
    expect(Array.from(symmetricEigen(Float64Array.of(1, 0, 0, 0, 5, 0, 0, 0, 3), 3).values)).toEqual([5, 3, 1]);
    expect(() => symmetricEigen(Float64Array.of(Number.NaN), 1)).toThrow("expected finite numbers");
  });

  test("finds the eigenvalues of a path, 2 − 2 cos(πk/(n + 1))", () => {
    const size = 50;
    const matrix = Float64Array.from({ length: size * size }, (_, at) => {
      const gap = Math.abs(Math.floor(at / size) - (at % size));
      return gap === 0 ? 2 : gap === 1 ? -1 : 0;
    });
    const expected = Array.from({ length: size }, (_, i) => 2 - 2 * Math.cos((Math.PI * (size - i)) / (size + 1)));
    expect(distance(symmetricEigen(matrix, size).values, expected)).toBeLessThan(1e-13);
  });
});

describe("haarRotation", () => {
  test("is orthogonal and fixed by its seed", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (size, seed) => {
        const q = haarRotation(size, seed);
        expect(distance(product(q, q, size, { turned: true }), identity(size))).toBeLessThan(1e-13);
        expect(haarRotation(size, seed)).toEqual(q);
      }),
    );
  });

  test("is uniform: angles of random rotations of the plane, and of one row in space", () => {
    const draws = 4_000;
    const quarters = new Int32Array(8);
    let heights = 0;
    let squares = 0;
    for (let seed = 0; seed < draws; seed++) {
      const q = haarRotation(2, seed);
      expect(q[0] * q[3] - q[1] * q[2]).toBeCloseTo(1, 12);
      const angle = Math.atan2(q[1], q[0]);
      quarters[Math.floor(((angle + Math.PI) / (2 * Math.PI)) * 8) % 8]++;
      // Archimedes: the height of a uniform point on the sphere is uniform in [−1, 1]: mean 0, variance 1/3.
      const height = haarRotation(3, seed)[2];
      heights += height;
      squares += height * height;
    }
    const expected = draws / 8;
    const chiSquared = quarters.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquared).toBeLessThan(24.3); // 99.9 % quantile with 7 degrees of freedom
    expect(Math.abs(heights / draws)).toBeLessThan(3.3 * Math.sqrt(1 / 3 / draws));
    expect(Math.abs(squares / draws - 1 / 3)).toBeLessThan(3.3 * Math.sqrt(4 / 45 / draws));
  });
});

describe("rotationPower", () => {
  test("goes from the identity to the rotation, orthogonal all the way, and adds up", () => {
    const t = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(1000), t, (size, seed, t) => {
        const q = haarRotation(size, seed);
        expect(rotationPower(q, size, 0)).toEqual(identity(size));
        expect(rotationPower(q, size, 1)).toEqual(q);
        const [part, rest] = [rotationPower(q, size, t), rotationPower(q, size, 1 - t)];
        expect(distance(product(part, part, size, { turned: true }), identity(size))).toBeLessThan(1e-12);
        expect(distance(product(part, rest, size), q)).toBeLessThan(1e-8);
      }),
      { seed: 4 },
    );
  });

  test("turns a plane by a fraction of its angle, planes that share an angle too", () => {
    const block = (angle: number): number[] => [Math.cos(angle), -Math.sin(angle), Math.sin(angle), Math.cos(angle)];
    const [a, b, c, d] = block(1.2) as [number, number, number, number];
    const q = Float64Array.of(a, b, 0, 0, 0, c, d, 0, 0, 0, 0, 0, a, b, 0, 0, 0, c, d, 0, 0, 0, 0, 0, 1);
    const [e, f, g, h] = block(0.3) as [number, number, number, number];
    const quarter = [e, f, 0, 0, 0, g, h, 0, 0, 0, 0, 0, e, f, 0, 0, 0, g, h, 0, 0, 0, 0, 0, 1];
    expect(distance(rotationPower(q, 5, 0.25), quarter)).toBeLessThan(1e-13);
  });
});
