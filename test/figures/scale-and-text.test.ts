/** What every figure is drawn with: axes, numbers, paths, and text that keeps within its width. */
import { readFileSync } from "node:fs";
import { assert, double, integer, property, string } from "fast-check";
import { expect, test } from "vitest";
import { rankTicks } from "../../src/figures/curves.ts";
import { formatNumber, formatPoints, linearScale, niceDomain, ticksOf } from "../../src/figures/scale.ts";
import { bandPath, decimal, escapeText, linePath, tag } from "../../src/figures/svg.ts";
import { fitEnds, fitText, textWidth, wrapText } from "../../src/figures/text-layout.ts";
import { expectWellFormed } from "./golden.ts";

test("ticks are round, rising and inside; nice domains hold what they were asked to", () => {
  assert(
    property(
      double({ min: -1e6, max: 1e6, noNaN: true }),
      double({ min: 1e-6, max: 1e6, noNaN: true }),
      integer({ min: 2, max: 12 }),
      (low, span, count) => {
        const high = low + span;
        const slack = 1e-6 * Math.max(Math.abs(low), Math.abs(high), 1e-6);
        const ticks = ticksOf(low, high, count);
        expect(ticks.length).toBeLessThanOrEqual(2 * count + 2);
        if (span > 1e-9 * Math.abs(low)) expect(ticks.length).toBeGreaterThanOrEqual(2);
        for (const [at, tick] of ticks.entries()) {
          expect(tick).toBeGreaterThanOrEqual(low - slack);
          expect(tick).toBeLessThanOrEqual(high + slack);
          if (at > 0) expect(tick).toBeGreaterThan(ticks[at - 1]);
        }
        const [from, to] = niceDomain(low, high, count);
        expect(from).toBeLessThanOrEqual(low + slack);
        expect(to).toBeGreaterThanOrEqual(high - slack);
      },
    ),
  );
  expect(ticksOf(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticksOf(-0.14, 0.46, 6)).toEqual([-0.1, 0, 0.1, 0.2, 0.3, 0.4]);
  expect(ticksOf(3.5, 9.9, 2)).toEqual([4, 6, 8]);
  expect(niceDomain(-0.14, 0.46, 6)).toEqual([-0.2, 0.5]);
  expect(niceDomain(0, 0)).toEqual([0, 1]);
  expect(linearScale([1, 3], [10, 30])(2)).toBe(20);
  expect(linearScale([2, 2], [10, 30])(2)).toBe(20);
});

test("rank ticks begin with 1, end with the last rank, and keep apart", () => {
  assert(
    property(integer({ min: 1, max: 5000 }), integer({ min: 150, max: 900 }), (last, width) => {
      const ticks = rankTicks(last, width);
      expect(ticks[0]).toBe(1);
      expect(ticks.at(-1)).toBe(last);
      for (let at = 1; at < ticks.length; at++) expect(ticks[at]).toBeGreaterThan(ticks[at - 1]);
    }),
  );
});

test("numbers are written with a real minus sign and no negative zero", () => {
  expect(formatNumber(-1.5)).toBe("−1.5");
  expect(formatNumber(-0.001, 1)).toBe("0.0");
  expect(formatPoints(0.1 + 0.2)).toBe("30");
  expect(decimal(-0.004)).toBe("0");
  expect(decimal(1.005)).toBe("1");
});

test("any text gives well-formed SVG", () => {
  assert(
    property(string({ unit: "binary" }), (text) => expectWellFormed(tag("text", { class: text }, escapeText(text)))),
  );
  expect(escapeText('<a href="x">\u0000&</a>')).toBe("&lt;a href=&quot;x&quot;&gt;\ufffd&amp;&lt;/a&gt;");
});

test("paths leave out missing points", () => {
  expect(
    linePath([
      [0, 0],
      [1, 1],
      [2, Number.NaN],
      [3, 3],
      [4, 4],
    ]),
  ).toBe("M0,0L1,1M3,3L4,4");
  const upper = [
    [0, 0],
    [1, 1],
    [2, Number.NaN],
    [3, 3],
  ] as const;
  expect(
    bandPath(
      upper,
      upper.map(([x, y]) => [x, y + 5] as const),
    ),
  ).toBe("M0,0L1,1L1,6L0,5Z");
});

test("text is cut and wrapped to its width; wrapping loses nothing", () => {
  assert(
    property(string(), integer({ min: 20, max: 300 }), (text, width) => {
      const fitted = fitText(text, width);
      expect(fitted === text || fitted.endsWith("…")).toBe(true);
      if (Array.from(fitted).length > 2) expect(textWidth(fitted)).toBeLessThanOrEqual(width);
      const lines = wrapText(text, width);
      for (const line of lines) if (Array.from(line).length > 1) expect(textWidth(line)).toBeLessThanOrEqual(width);
      expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
      expect(wrapText(text, width, { lines: 2 }).length).toBeLessThanOrEqual(2);
    }),
  );
  expect(wrapText("one two three", textWidth("one two") + 1)).toEqual(["one two", "three"]);
  expect(wrapText("one two three", textWidth("one two") + 1, { lines: 1 })).toEqual(["one t…"]);
  expect(wrapText("a mmmm", textWidth("mm") + 1)).toEqual(["a", "mm", "mm"]);
  expect(fitText("short", 100)).toBe("short");
  expect(fitEnds("short", 100)).toBe("short");
  expect(fitEnds("network-seed12", textWidth("net…d12"))).toBe("net…d12");
});

test("text is measured as wide as DejaVu Sans draws it, and at most 11 % wider (golden: Pillow, font-widths.py)", () => {
  const path = new URL("../golden/text-widths.json", import.meta.url);
  const golden: { text: string; regular: number; bold: number }[] = JSON.parse(readFileSync(path, "utf8"));
  expect(golden.length).toBeGreaterThan(5);
  for (const { text, regular, bold } of golden) {
    for (const [className, drawn] of [
      ["muted", 11 * regular],
      ["panel", 12 * bold],
    ] as const) {
      expect(textWidth(text, className), text).toBeGreaterThanOrEqual(drawn);
      expect(textWidth(text, className), text).toBeLessThanOrEqual(1.11 * drawn);
    }
  }
});
