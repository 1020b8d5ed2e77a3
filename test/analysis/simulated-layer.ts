/** A layer whose truth is known: units that only shake predictions, and units that hurt chosen classes. */
import type { BaselineTable, LayerFlips } from "../../src/ablation/flips.ts";
import { seededRandom } from "../../src/numeric/random.ts";

/** A planted effect: removing `unit` loses this share of the correct images of `cls`. */
export interface Planted {
  readonly unit: number;
  readonly cls: number;
  readonly lossRate: number;
}

/**
 * Draws a layer. Noise of a unit: images close to the decision change sides, and each of these would as soon be lost
 * as gained, which is the null of every test here.
 */
export function simulateLayer({
  seed,
  unitCount,
  classCount,
  imagesPerClass,
  noise = 0.04,
  planted = [],
}: {
  seed: number;
  unitCount: number;
  classCount: number;
  imagesPerClass: number;
  noise?: number;
  planted?: readonly Planted[];
}): { baseline: BaselineTable; flips: LayerFlips } {
  const random = seededRandom(seed);
  const imageCount = classCount * imagesPerClass;
  // Images in no order of class; half of each class right, so that losses and gains have equal room.
  const labels = Int32Array.from({ length: imageCount }, (_, image) => image % classCount);
  const wrong = (label: number): number => (label + 1 + random.integer(classCount - 1)) % classCount;
  const predictions = labels.map((label, image) => (Math.floor(image / classCount) % 2 === 0 ? label : wrong(label)));
  const rows: [number, number, number][] = [];
  for (let unit = 0; unit < unitCount; unit++) {
    for (let image = 0; image < imageCount; image++) {
      const label = labels[image];
      const right = predictions[image] === label;
      const effect = planted.find((one) => one.unit === unit && one.cls === label);
      const rate = right && effect ? Math.max(noise, effect.lossRate) : noise;
      if (random.uniform() < rate) rows.push([unit, image, right ? wrong(label) : label]);
    }
  }
  return {
    baseline: { labels, predictions, classCount },
    flips: {
      layer: "conv5",
      unitCount,
      unit: Int32Array.from(rows, (row) => row[0]),
      image: Int32Array.from(rows, (row) => row[1]),
      prediction: Int32Array.from(rows, (row) => row[2]),
    },
  };
}

/** Class names `class 0`, `class 1`, … */
export function namesOf(classCount: number): string[] {
  return Array.from({ length: classCount }, (_, cls) => `class ${cls}`);
}
