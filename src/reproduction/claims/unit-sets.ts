/** Figure 4: removing units together. */

import { type Estimate, nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { doubles, filterRows, integers, type Table, texts } from "../../tables/table.ts";
import type { Evidence } from "../evidence.ts";
import { alexnetLayers } from "../networks.ts";
import { type Claim, type Finding, finding, heldOf, inWords, listed, points, verdictOf } from "./claim.ts";

/** Numbers of removed units that the paper speaks of. */
const sizes = [5, 10, 15] as const;

/** Random sets of the largest size must cost a class less than this. */
const spared = 0.1;

/** A few units wipe out a class; as many random ones do not. */
export function unitSetsClaim({ sets, setsPaperWay, classCount, lowerImages }: Evidence): Claim {
  const chance = 1 / classCount;
  const rows = [
    ...alexnetLayers.map((layer) => ({ name: layer, table: sets, layer })),
    { name: "conv5 (chosen and measured on the same images)", table: setsPaperWay, layer: "conv5" },
  ].map(({ name, table, layer }) => ({
    name,
    greedy: [0, ...sizes].map((step) => accuracyAfter(table, layer, "greedy", step)),
    random: sizes.map((step) => accuracyAfter(table, layer, "random", step)),
    lostAtRandom: nestedBootstrap(lostAtRandom(table, layer)),
  }));
  const conv5 = rows.filter(({ name }) => name.startsWith("conv5"));
  const holds = conv5.flatMap(({ greedy, lostAtRandom: lost }) => {
    const [before, after] = [greedy[0], greedy.at(-1) as Estimate];
    const isSpared = lost.high < spared;
    return [after.high < before.value / 4 && isSpared, after.value <= chance && isSpared];
  });
  const [honest, paperWay] = conv5;
  const steps = (row: (typeof rows)[number] | undefined): string =>
    row ? listed(sizes.map((size, at) => `${points(row.greedy[1 + at].value, 1)} % after ${size}`)) : "";
  return {
    id: "unit-sets",
    title: "Ten to fifteen units carry a class",
    where: "Figure 4",
    paper:
      "Removing 10 to 15 units of the last convolution, chosen greedily for a class, wipes the class out; removing as many random units does not.",
    rule: `At conv5, after 15 greedily chosen units, (a) the interval of a class's accuracy ends below a quarter of what it was, (b) its mean is at most ${points(chance, 0)} % (chance); and the interval of what 15 random units cost it ends below ${points(spared, 0)} points. Same: (a) and (b), both with units chosen on other images than those measured and, as in the paper, on the same.`,
    headline: honest
      ? `conv5, accuracy of a class after 15 units: ${inWords(honest.greedy.at(-1) as Estimate, "%")} chosen, ${inWords(honest.random.at(-1) as Estimate, "%")} random`
      : "",
    findings: rows.flatMap(({ name, greedy, random }): Finding[] => [
      finding(name, "nothing removed", "percent", greedy[0]),
      ...sizes.map((step, at) => finding(name, `${step} greedy units`, "percent", greedy[1 + at])),
      ...sizes.map((step, at) => finding(name, `${step} random units`, "percent", random[at])),
    ]),
    intervals: `95 % bootstrap over the ${classCount} classes; for random sets over classes and sequences. Half of the images of a class choose the units, the others measure, but for the last row. conv1 to conv3: ${lowerImages} images of every class; otherwise all`,
    verdict: verdictOf(holds),
    held: heldOf(holds),
    why: `The accuracy of a class is ${steps(honest)} units chosen on other images, and ${steps(paperWay)} chosen on the measured ones, which makes sets look stronger than they are.`,
    pictures: alexnetLayers.map((layer) => ({
      file: `sets-${layer}.svg`,
      shows: `accuracy of classes as units of ${layer} are removed`,
    })),
    tables: ["set-curves.csv"],
  };
}

/** What random sets of the largest size cost each class, `[class][sequence]`. */
function lostAtRandom(sets: Table, layer: string): Float64Array[] {
  const size = sizes.at(-1) as number;
  const [before, after] = [0, size].map((step) => byClass(sets, layer, "random", step)) as [
    Map<number, Float64Array>,
    Map<number, Float64Array>,
  ];
  return [...after].map(([cls, values]) => values.map((value) => (before.get(cls)?.[0] ?? Number.NaN) - value));
}

/** Mean accuracy over classes (and sequences) after a number of units. */
function accuracyAfter(sets: Table, layer: string, strategy: string, step: number): Estimate {
  return nestedBootstrap([...byClass(sets, layer, strategy, step).values()]);
}

/** Accuracies after a number of units, by class. */
function byClass(sets: Table, layer: string, strategy: string, step: number): Map<number, Float64Array> {
  const [layers, strategies, steps] = [texts(sets, "layer"), texts(sets, "strategy"), integers(sets, "step")];
  const rows = filterRows(sets, (row) => layers[row] === layer && strategies[row] === strategy && steps[row] === step);
  const [classes, accuracy] = [integers(rows, "class"), doubles(rows, "accuracy")];
  return new Map([...new Set(classes)].map((cls) => [cls, accuracy.filter((_, row) => classes[row] === cls)]));
}
