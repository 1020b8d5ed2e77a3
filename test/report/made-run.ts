/** A run of any size, made up but consistent: its flips, counts, tests and drops belong together. */
import { noPreprocessing } from "../../src/data/preprocessing.ts";
import type { Json } from "../../src/files/canonical-json.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { type RunFolder, startRun } from "../../src/runs/run-folder.ts";
import { benjaminiHochberg } from "../../src/stats/false-discovery.ts";
import { exactMcNemar } from "../../src/stats/mcnemar.ts";
import { makeTable } from "../../src/tables/table.ts";
import { exampleManifest } from "../runs/example-run.ts";

/** How large, and what classes are called. */
export interface MadeSize {
  readonly units: number;
  readonly classNames: readonly string[];
  readonly imagesPerClass: number;
  /** Images of the preferred class that a unit's removal flips, at most. */
  readonly flipsPerUnit?: number;
}

/** Names that would break a page which took them for markup, and others that are merely long or of another direction. */
export function hostileNames(count: number): string[] {
  const nasty = [
    "<script>alert(1)</script>",
    "\"quotes\" and 'more'",
    "</title><img src=x onerror=alert(1)>",
    "قطة صغيرة على اليمين",
    "חתול \u202eesrever",
    "a class whose name is eighty characters long, counted to the last one of them, yes",
    "&amp; &lt;b&gt; ${x} {{y}} {@html z}",
    "line\\u0000 `tick` \\",
    "猫、それとも犬",
    "'; DROP TABLE classes; --",
  ];
  return Array.from({ length: count }, (_, cls) => (cls < nasty.length ? nasty[cls] : `class number ${cls}`));
}

/** Writes the run. Every unit prefers one class and hurts it, and flips a few images of others. */
export function makeLargeRun(
  path: string,
  { units, classNames, imagesPerClass, flipsPerUnit = 6 }: MadeSize,
): RunFolder {
  const layer = "features.<b>last</b>";
  const classes = classNames.length;
  const images = classes * imagesPerClass;
  const random = seededRandom(1);
  const label = Int32Array.from({ length: images }, (_, image) => image % classes);
  const prediction = label.map((cls) => (random.uniform() < 0.8 ? cls : random.integer(classes)));
  const flips: { unit: number[]; image: number[]; prediction: number[] } = { unit: [], image: [], prediction: [] };
  const lost = new Int32Array(units * classes);
  const gained = new Int32Array(units * classes);
  for (let unit = 0; unit < units; unit++) {
    const preferred = random.integer(classes);
    const chosen = new Set<number>();
    for (let at = 0; at < flipsPerUnit; at++) {
      chosen.add(
        random.uniform() < 0.6 ? preferred + classes * random.integer(imagesPerClass) : random.integer(images),
      );
    }
    for (const image of [...chosen].sort((a, b) => a - b)) {
      const before = prediction[image];
      const cls = label[image];
      const after = before === cls ? (cls + 1 + random.integer(classes - 1)) % classes : cls;
      flips.unit.push(unit);
      flips.image.push(image);
      flips.prediction.push(after);
      const counts = before === cls ? lost : gained;
      const at = unit * classes + cls;
      counts[at] = counts[at] + 1;
    }
  }
  const correct = new Int32Array(classes);
  label.forEach((cls, image) => {
    if (prediction[image] === cls) correct[cls] = correct[cls] + 1;
  });
  const pairs = units * classes;
  const p = Float64Array.from({ length: pairs }, (_, at) => exactMcNemar(lost[at], gained[at]));
  const q = benjaminiHochberg(p);
  const drop = Float64Array.from({ length: pairs }, (_, at) => (lost[at] - gained[at]) / imagesPerClass);
  const run = startRun(path, {
    ...exampleManifest,
    command: "ablate",
    options: {},
    finished: "2024-05-01T11:00:00.000Z",
    model: { name: "made <up>.onnx", path: "made.onnx", sha256: "ab".repeat(32) },
    data: { name: "made:test", hash: "cd".repeat(32), images },
    classNames,
    preprocessing: { ...noPreprocessing } as unknown as Record<string, Json>,
    layers: [{ name: layer, kind: "convolution", tap: "tap", units, height: 7, width: 7 }],
  });
  const unitOf = (at: number): number => Math.floor(at / classes);
  const perPair = (value: (at: number) => number): Int32Array =>
    Int32Array.from({ length: pairs }, (_, at) => value(at));
  const ofPairs = Array.from<string>({ length: pairs }).fill(layer);
  run.writeTable(
    "drops",
    makeTable({
      layer: ofPairs,
      unit: perPair(unitOf),
      class: perPair((at) => at % classes),
      class_name: Array.from({ length: pairs }, (_, at) => classNames[at % classes]),
      images: perPair(() => imagesPerClass),
      correct: perPair((at) => correct[at % classes]),
      correct_ablated: perPair((at) => correct[at % classes] - lost[at] + gained[at]),
      lost,
      gained,
      drop,
      p_value: p,
      q_value: q,
    }),
  );
  const rows = Array.from({ length: units }, (_, unit) => unit);
  const extreme = (unit: number, sign: number): number => {
    let best = unit * classes;
    for (let at = best + 1; at < (unit + 1) * classes; at++) if (sign * drop[at] > sign * drop[best]) best = at;
    return best;
  };
  const [largest, smallest] = [rows.map((unit) => extreme(unit, 1)), rows.map((unit) => extreme(unit, -1))];
  const total = (counts: Int32Array, unit: number): number =>
    counts.subarray(unit * classes, (unit + 1) * classes).reduce((sum, count) => sum + count, 0);
  const right = correct.reduce((sum, count) => sum + count, 0);
  const real = rows.map(
    (unit) => q.subarray(unit * classes, (unit + 1) * classes).filter((each) => each <= 0.05).length,
  );
  run.writeTable(
    "units",
    makeTable({
      layer: rows.map(() => layer),
      unit: Int32Array.from(rows),
      overall_drop: Float64Array.from(rows, (unit) => (total(lost, unit) - total(gained, unit)) / images),
      max_class_drop: Float64Array.from(largest, (at) => drop[at]),
      max_class: Int32Array.from(largest, (at) => at % classes),
      min_class_drop: Float64Array.from(smallest, (at) => drop[at]),
      min_class: Int32Array.from(smallest, (at) => at % classes),
      images: new Int32Array(units).fill(images),
      correct: new Int32Array(units).fill(right),
      lost: Int32Array.from(rows, (unit) => total(lost, unit)),
      gained: Int32Array.from(rows, (unit) => total(gained, unit)),
      significant_classes: Int32Array.from(real),
      class_selectivity: Float64Array.from(rows, () => random.uniform()),
      selectivity_class: Int32Array.from(largest, (at) => at % classes),
      silent_fraction: Float64Array.from(rows, (unit) => (unit % 17 === 0 ? 1 : 0.1)),
    }),
  );
  run.writeTable(
    "flips",
    makeTable({
      layer: flips.unit.map(() => layer),
      unit: Int32Array.from(flips.unit),
      image: Int32Array.from(flips.image),
      prediction: Int32Array.from(flips.prediction),
    }),
  );
  run.writeTable(
    "baseline",
    makeTable({
      image: Int32Array.from(label, (_, image) => image),
      name: Array.from(label, (_, image) => `images/<i>${image}</i>.jpg`),
      label,
      prediction,
      margin: Float64Array.from(label, () => random.uniform()),
    }),
  );
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  run.writeTable(
    "layers",
    makeTable({
      layer: [layer],
      kind: ["convolution"],
      tap: ["tap"],
      units: Int32Array.of(units),
      height: Int32Array.of(7),
      width: Int32Array.of(7),
      overall_drop_mean: Float64Array.of(mean(rows.map((unit) => (total(lost, unit) - total(gained, unit)) / images))),
      max_class_drop_mean: Float64Array.of(mean(largest.map((at) => drop[at]))),
      significant_effects: Int32Array.of(real.reduce((sum, count) => sum + count, 0)),
      significant_units: Int32Array.of(real.filter((count) => count > 0).length),
      effects: Int32Array.of(pairs),
    }),
  );
  return run;
}
