/**
 * What the statistics cost: run with `npx tsx bench/statistics.ts`. Prints seconds of wall clock and of CPU for a layer
 * set of the size of the shipped network (384 units × 10 classes) and of one for Places365 (256 units × 365 classes).
 */
import { predictClasses } from "../src/analysis/class-prediction.ts";
import { analyseLayer } from "../src/analysis/drops.ts";
import { relateAttributes } from "../src/analysis/relations.ts";
import type { NetworkUnits } from "../src/analysis/unit-vectors.ts";
import { seededRandom } from "../src/numeric/random.ts";
import { maxDropNull } from "../src/stats/max-drop-null.ts";
import { simulateMaxDropNull } from "../src/stats/simulated-max-drop.ts";
import { makeTable } from "../src/tables/table.ts";
import { namesOf, simulateLayer } from "../test/analysis/simulated-layer.ts";

console.log("| what | wall s | CPU s |\n| :--- | ---: | ---: |");
for (const [unitCount, classCount, imagesPerClass] of [
  [384, 10, 1_000],
  [256, 365, 100],
] as const) {
  const size = `${unitCount} units × ${classCount} classes`;
  const { baseline, flips } = simulateLayer({ seed: 1, unitCount, classCount, imagesPerClass, noise: 0.02 });
  const layer = time(`all of a layer's statistics, ${size}, ${flips.unit.length} flips`, () =>
    analyseLayer(baseline, flips, { classNames: namesOf(classCount) }),
  );
  const { lost, gained, images } = layer.counts;
  time(`max-drop null, exact, ${size}`, () => {
    for (let unit = 0; unit < unitCount; unit++) {
      const [from, to] = [unit * classCount, (unit + 1) * classCount];
      maxDropNull(lost.subarray(from, to), gained.subarray(from, to), images);
    }
  });
  time(`max-drop null, 20,000 sign flips, ${size}`, () => simulateMaxDropNull(lost, gained, images));
  const { normal } = seededRandom(2);
  const names = ["l1_norm", "class_correlation", "class_selectivity", "concept_iou", "sparsity"];
  const attributes = Object.fromEntries(names.map((name) => [name, Float64Array.from({ length: unitCount }, normal)]));
  const units = makeTable({ ...layer.units.columns, ...attributes });
  time(`relations of 5 attributes, 2,000 resamples and shuffles, ${unitCount} units`, () =>
    relateAttributes([{ layer: "conv5", units, halves: layer.halves }]),
  );
}
for (const conceptCount of [50, 200]) {
  await time(`class prediction, 5 networks × 96 units, 10 classes, ${conceptCount} concepts, all 10 splits`, () =>
    predictClasses(networks(conceptCount), { layer: "conv5", classCount: 10, trainCount: 3 }),
  );
}

function time<T>(what: string, work: () => T): T {
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  const result = work();
  const { user, system } = process.cpuUsage(startCpu);
  console.log(
    `| ${what} | ${((performance.now() - startMs) / 1e3).toFixed(2)} | ${((user + system) / 1e6).toFixed(2)} |`,
  );
  return result;
}

function networks(conceptCount: number): NetworkUnits[] {
  const random = seededRandom(3);
  return Array.from({ length: 5 }, (_, network) => {
    const target = Int32Array.from({ length: 96 }, () => random.integer(10));
    const vectors = (width: number): NetworkUnits["vectors"][string] => ({
      values: Float64Array.from(
        { length: 96 * width },
        (_, at) => (at % width === target[Math.floor(at / width)] ? 1 : 0) + random.normal(),
      ),
      rowCount: 96,
      featureCount: width,
    });
    return {
      name: `network ${network}`,
      target,
      vectors: { class_correlation: vectors(10), class_selectivity: vectors(10), concept_iou: vectors(conceptCount) },
    };
  });
}
