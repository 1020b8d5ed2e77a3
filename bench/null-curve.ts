/**
 * How large the largest class drop of a unit is when the unit does nothing in particular: run with
 * `npx tsx bench/null-curve.ts`. Prints the tables of docs/statistics.md.
 *
 * A unit changes the side (right or wrong) of a share of the images, the discordance, and each of these is as likely
 * to be lost as gained. Numbers are exact given the discordant images of each class; these are drawn anew, binomially,
 * for each of `units` units, with a fixed seed.
 */
import { seededRandom } from "../src/numeric/random.ts";
import { lossesFor } from "../src/stats/detectable-drop.ts";
import { maxDropDistribution } from "../src/stats/max-drop-null.ts";

const units = 100;
const imagesPerClass = [20, 50, 100, 200, 500, 1_000];
const classCounts = [10, 100, 365, 1_000];

console.log("Mean max class drop under the null, in % (95 % quantile), by images per class and classes\n");
for (const discordance of [0.005, 0.01, 0.02, 0.05]) {
  console.log(`Discordance ${percent(discordance)} %: standard deviation of the overall drop over 10,000 images is`);
  console.log(`${percent(Math.sqrt(discordance / 10_000))} %\n`);
  console.log(`| images per class | ${classCounts.map((classes) => `${classes} classes`).join(" | ")} |`);
  console.log(`| ---: |${classCounts.map(() => " ---: |").join("")}`);
  for (const images of imagesPerClass) {
    const cells = classCounts.map((classes) => {
      const { mean, quantile95 } = nullOf(images, classes, discordance);
      return `${percent(mean)} (${percent(quantile95)})`;
    });
    console.log(`| ${images} | ${cells.join(" | ")} |`);
  }
  console.log();
}

console.log("Smallest class drop that can be significant when no image is gained, in %\n");
const tests = [1, 960, 3_840, 93_440];
console.log(
  `| images per class | one test | ${tests
    .slice(1)
    .map((count) => `one of ${count} tests`)
    .join(" | ")} |`,
);
console.log(`| ---: |${tests.map(() => " ---: |").join("")}`);
for (const images of imagesPerClass) {
  const cells = tests.map((count) => {
    const losses = lossesFor(0.05 / count, 0);
    return losses > images ? "none" : percent(losses / images);
  });
  console.log(`| ${images} | ${cells.join(" | ")} |`);
}

function nullOf(images: number, classes: number, discordance: number): { mean: number; quantile95: number } {
  const { uniform } = seededRandom(1);
  const sums = { mean: 0, quantile95: 0 };
  for (let unit = 0; unit < units; unit++) {
    const discordant = new Int32Array(classes);
    for (let cls = 0; cls < classes; cls++) {
      for (let image = 0; image < images; image++) if (uniform() < discordance) discordant[cls]++;
    }
    const { mean, quantile95 } = maxDropDistribution(discordant, new Int32Array(classes).fill(images));
    sums.mean += mean / units;
    sums.quantile95 += quantile95 / units;
  }
  return sums;
}

function percent(share: number): string {
  return (100 * share).toFixed(2);
}
