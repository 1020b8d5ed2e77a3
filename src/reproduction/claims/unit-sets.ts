/** Figure 4: removing units together. */
import { doubles, filterRows, integers, type Table, texts } from "../../results/table.ts";
import { type Estimate, nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import type { Evidence } from "../evidence.ts";
import { alexnetLayers } from "../networks.ts";
import { lowerLimit } from "../plan.ts";
import { type Claim, type Finding, finding, inWords, points, verdictOf } from "./claim.ts";

/** Numbers of removed units that the paper speaks of. */
const sizes = [5, 10, 15] as const;

/** A few units wipe out a class; as many random ones do not. */
export function unitSetsClaim({ sets, setsPaperWay, classCount }: Evidence): Claim {
  const chance = 1 / classCount;
  const rows = [
    ...alexnetLayers.map((layer) => ({ name: layer, table: sets, layer })),
    { name: "conv5 (chosen and measured on the same images)", table: setsPaperWay, layer: "conv5" },
  ].map(({ name, table, layer }) => ({
    name,
    greedy: [0, ...sizes].map((step) => accuracyAfter(table, layer, "greedy", step)),
    random: sizes.map((step) => accuracyAfter(table, layer, "random", step)),
  }));
  const conv5 = rows.filter(({ name }) => name.startsWith("conv5"));
  const wiped = conv5.map(({ greedy }) => (greedy.at(-1) as Estimate).value <= chance);
  const spared = conv5.map(
    ({ greedy, random }) => (greedy[0] as Estimate).value - (random.at(-1) as Estimate).value < 0.1,
  );
  const honest = conv5[0];
  const after = (step: number): string =>
    honest ? points((honest.greedy[1 + sizes.indexOf(step as (typeof sizes)[number])] as Estimate).value, 1) : "";
  const isWiped = wiped.every(Boolean) && spared.every(Boolean);
  return {
    id: "unit-sets",
    title: "Ten to fifteen units carry a class",
    where: "Figure 4",
    paper:
      "Removing 10 to 15 units of the last convolution, chosen greedily for a class, wipes the class out; removing as many random units does not.",
    rule: `At conv5, mean accuracy of a class after 15 greedily chosen units is at most ${points(chance, 0)} % (chance), and random sets of 15 cost it less than 10 points, both with units chosen on other images than those measured and the paper's way; in part: one of the two ways, or only one of the two statements.`,
    headline: honest
      ? `conv5, accuracy of a class after 15 units: ${inWords(honest.greedy.at(-1) as Estimate, "%")} chosen, ${inWords(honest.random.at(-1) as Estimate, "%")} random`
      : "",
    findings: rows.flatMap(({ name, greedy, random }): Finding[] => [
      finding(name, "nothing removed", "percent", greedy[0] as Estimate),
      ...sizes.map((step, at) => finding(name, `${step} greedy units`, "percent", greedy[1 + at] as Estimate)),
      ...sizes.map((step, at) => finding(name, `${step} random units`, "percent", random[at] as Estimate)),
    ]),
    intervals: `95 % bootstrap over the ${classCount} classes; for random sets over classes and sequences. conv1 to conv3 are measured on ${lowerLimit} images of every class`,
    verdict: verdictOf([...wiped, ...spared]),
    why: `On images that had no say in the choice, a class goes down to ${after(5)} % after 5 units, ${after(10)} % after 10 and ${after(15)} % after 15. ${
      isWiped
        ? "That is below chance: the images are not guessed but taken for other classes."
        : "Units chosen on the images that are measured look stronger than they are, and ten classes share 96 units, so that each has more of them to fall back on."
    }`,
    pictures: alexnetLayers.map((layer) => ({
      file: `sets-${layer}.svg`,
      shows: `accuracy of classes as units of ${layer} are removed`,
    })),
    tables: ["set-curves.csv"],
  };
}

/** Mean accuracy over classes (and sequences) after a number of units. */
function accuracyAfter(sets: Table, layer: string, strategy: string, step: number): Estimate {
  const [layers, strategies, steps] = [texts(sets, "layer"), texts(sets, "strategy"), integers(sets, "step")];
  const rows = filterRows(sets, (row) => layers[row] === layer && strategies[row] === strategy && steps[row] === step);
  const [classes, accuracy] = [integers(rows, "class"), doubles(rows, "accuracy")];
  const byClass = [...new Set(classes)].map((cls) => accuracy.filter((_, row) => classes[row] === cls));
  return nestedBootstrap(byClass);
}
