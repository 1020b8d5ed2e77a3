import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyTopK, mergeTopK, offerTopK, type TopK } from "../../src/numeric/top-k.ts";

/** What a sort gives: largest value first, equal values by index. */
function oracle(values: readonly number[], size: number): [number, number][] {
  return values
    .map((value, index): [number, number] => [value, index])
    .sort((a, b) => b[0] - a[0] || a[1] - b[1])
    .slice(0, size);
}

function pairsOf(top: TopK, series: number): [number, number][] {
  return Array.from({ length: top.counts[series] }, (_, rank): [number, number] => [
    top.values[series * top.size + rank],
    top.indices[series * top.size + rank],
  ]);
}

const values = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 30 });

describe("offerTopK", () => {
  test("keeps the largest, ties by index, whatever the order of offers", () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 6 }), fc.infiniteStream(fc.nat()), (list, size, stream) => {
        const top = emptyTopK(2, size);
        const order = list.map((_, index) => ({ index, key: stream.next().value as number }));
        for (const { index } of order.sort((a, b) => a.key - b.key)) offerTopK(top, 1, list[index], index);
        expect(pairsOf(top, 1)).toEqual(oracle(list, size));
        expect(pairsOf(top, 0)).toEqual([]);
      }),
    );
  });
});

describe("mergeTopK", () => {
  test("two parts give the top of all", () => {
    fc.assert(
      fc.property(values, values, fc.integer({ min: 1, max: 6 }), (first, second, size) => {
        const [a, b] = [emptyTopK(1, size), emptyTopK(1, size)];
        for (const [index, value] of first.entries()) offerTopK(a, 0, value, index);
        for (const [index, value] of second.entries()) offerTopK(b, 0, value, first.length + index);
        expect(pairsOf(mergeTopK(a, b), 0)).toEqual(oracle([...first, ...second], size));
        expect(pairsOf(mergeTopK(b, a), 0)).toEqual(oracle([...first, ...second], size));
      }),
    );
  });

  test("refuses parts of different sizes", () => {
    expect(() => mergeTopK(emptyTopK(1, 3), emptyTopK(1, 4))).toThrow("expected 1 series of 3, got 1 of 4");
  });
});
