import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRemoved, removedCount, removedText, toggled, unitsOf } from "../../web/live/removed.ts";

test("removed units survive the address, whatever layers are called", () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, unit: "grapheme" }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(names, fc.array(fc.nat(40), { maxLength: 8 }), (layers, units) => {
      const known = layers.map((name) => ({ name, units: 41 }));
      const removed = Object.fromEntries(layers.map((name) => [name, [...new Set(units)].sort((a, b) => a - b)]));
      const read = parseRemoved(removedText(removed), known);
      for (const name of layers) expect(unitsOf(read, name)).toEqual(removed[name]);
      for (const name of layers) expect(unitsOf({}, name)).toEqual([]);
    }),
    {
      examples: [
        [["constructor", "__proto__"], []],
        [["constructor", "__proto__"], [3]],
      ],
    },
  );
});

test("what does not fit the network is left out", () => {
  const layers = [{ name: "conv5", units: 4 }];
  expect(parseRemoved("conv5:1.9.x.2|fc:1|<b>:0", layers)).toEqual({ conv5: [1, 2] });
});

test("a unit is removed and put back", () => {
  const once = toggled({}, "conv5", 3);
  expect(removedCount(once)).toBe(1);
  expect(removedText(toggled(once, "conv5", 3))).toBe("");
});
