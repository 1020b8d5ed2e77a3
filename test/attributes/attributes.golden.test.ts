/** Every attribute against numpy and scipy (test/golden/attributes.py), from responses that a formula gives in both. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { activationStatistics } from "../../src/attributes/activation-statistics.ts";
import { standardizedColumns } from "../../src/attributes/class-correlation.ts";
import { describeUnits } from "../../src/attributes/describe-units.ts";
import { createObserver } from "../../src/responses/observer.ts";

interface GoldenVectors {
  selectivity: (number | null)[];
  correlation: (number | null)[];
  auc: (number | null)[];
  highest: number;
}
interface GoldenUnit extends Record<"mean" | "std" | "min" | "max", number> {
  sparsity: number;
  silent_fraction: number;
  negative_fraction: number;
  threshold: number;
  top: number[];
  pool_mean: GoldenVectors;
  pool_max: GoldenVectors;
}
const golden = JSON.parse(readFileSync(new URL("../golden/attributes.json", import.meta.url), "utf8")) as {
  images: number;
  units: GoldenUnit[];
};

const imageCount = golden.images;
const unitCount = golden.units.length;
const positions = 16;
const classCount = 6;

const label = (image: number): number => [0, 1, 2, 3, 5][image % 3 ? (image * image + 3 * image) % 5 : image % 5];

function response(image: number, unit: number, position: number): number {
  const noise = ((image * 7919 + unit * 104729 + position * 1299709 + image * position * 31) % 1009) / 1009;
  if (unit === 0) return Math.max(0, noise - 0.5);
  if (unit === 1) return Math.max(0, noise - 0.7 + (label(image) === 2 ? 0.6 : 0));
  if (unit === 2) return 0;
  if (unit === 3) return 0.3;
  if (unit === 4) return noise - 0.45;
  return image % 11 === 0 && position < 3 ? noise : 0;
}

function probability(image: number, cls: number): number {
  if (cls === 3) return 0.125;
  return (((image * 31 + cls * 17 + image * cls * 7) % 13) + (cls === label(image) ? 20 : 0)) / 64;
}

const labels = Int32Array.from({ length: imageCount }, (_, image) => label(image));
const responses = Float32Array.from({ length: imageCount * unitCount * positions }, (_, index) =>
  response(Math.floor(index / positions / unitCount), Math.floor(index / positions) % unitCount, index % positions),
);
const probabilities = Float32Array.from({ length: imageCount * classCount }, (_, index) =>
  probability(Math.floor(index / classCount), index % classCount),
);
const observer = createObserver({
  layers: [{ name: "conv", units: unitCount, height: 4, width: 4 }],
  classCount,
  imageCount,
  topImages: 5,
});
observer.observe({
  images: Int32Array.from({ length: imageCount }, (_, image) => image),
  probabilities,
  responses: [responses],
});
const observed = observer.take();
const layer = observed.layers[0];

/** Relative to the larger of the value and 1e-3, since a vector's entry may be next to nothing. */
function expectClose(got: number | undefined, wanted: number | null): void {
  if (wanted === null) expect(got).toBeNaN();
  else expect(Math.abs((got as number) - wanted) / Math.max(1e-3, Math.abs(wanted))).toBeLessThan(1e-9);
}

describe("activation statistics", () => {
  const statistics = activationStatistics(layer, 0.005);
  const columns = ["mean", "std", "min", "max", "sparsity", "silent_fraction", "negative_fraction"] as const;
  test.each(columns)("%s", (column) => {
    golden.units.forEach((unit, at) => expectClose(statistics[column][at], unit[column]));
  });

  test("threshold, rounded up by less than 1/1024", () => {
    golden.units.forEach(({ threshold }, at) => {
      const got = statistics.top_threshold[at];
      expect(got).toBeGreaterThanOrEqual(threshold);
      expect(got - threshold).toBeLessThanOrEqual(Math.abs(threshold) / 1024);
    });
  });

  test("strongest images", () => {
    golden.units.forEach(({ top }, unit) => {
      const { counts, indices, size } = layer.top;
      expect([...indices.subarray(unit * size, unit * size + counts[unit])]).toEqual(top);
    });
  });
});

describe.each(["mean", "max"] as const)("class attributes of %s-pooled responses", (pool) => {
  const pooled = Float64Array.from({ length: unitCount * imageCount }, (_, index) => {
    const at = (index % imageCount) * unitCount + Math.floor(index / imageCount);
    return (pool === "mean" ? layer.pooledMean : layer.pooledMax)[at];
  });
  const probabilityColumns = standardizedColumns(probabilities, classCount);
  const labelling = { labels, classCount, probabilityColumns, probabilityRows: new Float32Array(0) };
  const noNulls = { shuffles: 0, orders: () => new Int32Array(0) };
  const described = describeUnits(pooled, labelling, noNulls, undefined);

  test.each(["selectivity", "correlation", "auc"] as const)("%s", async (attribute) => {
    const { vector, scalar, cls } = (await described)[attribute];
    golden.units.forEach((unit, at) => {
      const wanted = unit[`pool_${pool}`];
      wanted[attribute].forEach((value, c) => expectClose(vector[at * classCount + c], value));
      const best = attribute === "selectivity" ? wanted.highest : maximum(wanted[attribute]);
      const isFlat = at === 2 || at === 3; // the silent unit and the constant one single out no class
      expect(cls[at]).toBe(isFlat ? -1 : best);
      const flat = { selectivity: 0, correlation: null, auc: 0.5 }[attribute];
      expectClose(scalar[at], isFlat ? flat : wanted[attribute][best]);
    });
  });
});

function maximum(values: readonly (number | null)[]): number {
  let best = -1;
  values.forEach((value, at) => {
    if (value !== null && (best < 0 || value > Number(values[best]))) best = at;
  });
  return best;
}
