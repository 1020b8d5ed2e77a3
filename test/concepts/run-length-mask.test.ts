import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { expandRuns, fillPolygon } from "../../src/concepts/run-length-mask.ts";

interface Golden {
  size: [number, number];
  polygon: number[];
  packed: string;
  runs: number[];
}
const golden = JSON.parse(
  readFileSync(new URL("../golden/coco-masks.json", import.meta.url), "utf8"),
) as readonly Golden[];

describe("masks as pycocotools makes them", () => {
  it("unpacks strings to the same mask as the plain runs", () => {
    for (const { size, packed, runs } of golden) {
      expect(expandRuns({ size, counts: packed }, "test")).toEqual(expandRuns({ size, counts: runs }, "test"));
    }
  });

  it("fills every polygon to the pixel", () => {
    expect(golden.some(({ runs }) => runs.length > 20)).toBe(true);
    for (const { size, polygon, runs } of golden) {
      expect(fillPolygon(polygon, ...size, "test")).toEqual(expandRuns({ size, counts: runs }, "test"));
    }
  });

  it("covers whole pixels of a box with whole corners", () => {
    const mask = fillPolygon([1, 0, 3, 0, 3, 2, 1, 2], 3, 4, "test");
    expect([...mask]).toEqual([0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
  });

  it("runs down the columns", () => {
    expect([...expandRuns({ size: [2, 3], counts: [1, 2, 3] }, "test")]).toEqual([0, 1, 0, 1, 0, 0]);
  });
});

describe("what does not fit", () => {
  it("is refused with the place", () => {
    expect(() => expandRuns({ size: [2, 2], counts: [1, 2] }, "annotation 7")).toThrow(
      "annotation 7: expected runs that fill 2×2 pixels, got 3 in all",
    );
    expect(() => expandRuns({ size: [2, 2], counts: [1, 9] }, "annotation 7")).toThrow("got run 1 of 9 after 1");
    expect(() => expandRuns({ size: [2, 2], counts: "p" }, "annotation 7")).toThrow("expected packed run lengths");
    expect(() => fillPolygon([1, 2, 3, 4], 5, 5, "annotation 7")).toThrow("at least three x, y pairs, got 4 numbers");
  });
});
