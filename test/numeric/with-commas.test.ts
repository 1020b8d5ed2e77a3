import fc from "fast-check";
import { expect, test } from "vitest";
import { withCommas } from "../../src/numeric/with-commas.ts";

test("numbers are written as the language's own formatting writes them", () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ min: -1e6, max: 1e6 })), (value) => {
      fc.pre(Math.abs(value) >= 1e-3 || Object.is(value, 0)); // −0 and what rounds to it
      expect([withCommas(value), withCommas(value, 1)]).toEqual(
        [3, 1].map((maximumFractionDigits) =>
          value.toLocaleString("en", { maximumFractionDigits }).replace(/^-0$/, "0"),
        ),
      );
    }),
  );
  expect([0, 999, 1000, -1234567].map((value) => withCommas(value))).toEqual(["0", "999", "1,000", "-1,234,567"]);
});
