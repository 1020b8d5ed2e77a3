import fc from "fast-check";
import { expect, test } from "vitest";
import { byValue, clusterOrder, transposed } from "../../web/matrix/order.ts";

test("by value: the largest first, missing ones last, ties in order", () => {
  const values = [1, Number.NaN, 3, 3, -1];
  expect([...byValue(5, (at) => values[at])]).toEqual([2, 3, 0, 4, 1]);
});

test("clustering gives every vector once", () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 40 }));
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.integer({ min: -5, max: 5 })), ([count, width], stream) => {
      const values = Float32Array.from({ length: count * width }, () => stream.next().value);
      expect([...clusterOrder({ count, width, values })].sort((a, b) => a - b)).toEqual(
        Array.from({ length: count }, (_, at) => at),
      );
    }),
    { numRuns: 40 },
  );
});

test("two mixed groups of vectors come out apart, few or many dimensions", () => {
  for (const width of [3, 60]) {
    const values = Float32Array.from({ length: 12 * width }, (_, at) => {
      const [row, column] = [Math.floor(at / width), at % width];
      return (row % 2 === 0 ? column === 0 : column === 1) ? 10 + row / 100 : 0;
    });
    const order = [...clusterOrder({ count: 12, width, values })].map((row) => row % 2);
    expect(order.filter((group, at) => at > 0 && group !== order[at - 1])).toHaveLength(1);
  }
});

test("turning a matrix twice gives it back", () => {
  const vectors = { count: 2, width: 3, values: Float32Array.of(1, 2, 3, 4, 5, 6) };
  expect(transposed(transposed(vectors))).toEqual(vectors);
  expect([...transposed(vectors).values]).toEqual([1, 4, 2, 5, 3, 6]);
});
