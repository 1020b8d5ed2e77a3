/** Figure 4: removing units together. */
import { type Estimate, nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { doubles, filterRows, integers, type Table, texts } from "../../tables/table.ts";
import type { Evidence } from "../evidence.ts";
import { alexnetLayers } from "../studies.ts";
import { type Claim, claim, type Finding, finding, inWords, listed, points } from "./claim.ts";
import { isAbove, isAsLarge, isWithin, type Judged } from "./judgement.ts";
import { bounds } from "./rules.ts";

/** Numbers of removed units that the paper speaks of. */
const sizes = [5, 10, 15] as const;

/** A few units wipe out a class; as many random ones do not. */
export function unitSetsClaim({ sets, setsPaperWay, classCount, lowerImages }: Evidence): Claim {
  const measured = texts(sets, "layer");
  const rows = [
    ...alexnetLayers.filter((layer) => measured.includes(layer)).map((layer) => ({ name: layer, table: sets, layer })),
    ...(setsPaperWay
      ? [{ name: "conv5 (chosen and measured on the same images)", table: setsPaperWay, layer: "conv5" as const }]
      : []),
  ].map(({ name, table, layer }) => ({
    name,
    greedy: [0, ...sizes].map((step) => accuracyAfter(table, layer, "greedy", step)),
    random: sizes.map((step) => accuracyAfter(table, layer, "random", step)),
    lost: sizes.map((step) => lostAfter(table, layer, "greedy", step)),
    lostAtRandom: lostAfter(table, layer, "random", 15),
  }));
  const judged = rows
    .filter(({ name }) => name.startsWith("conv5"))
    .flatMap(({ name, greedy: [before], lost: [five, ten, fifteen], lostAtRandom }): Judged[] => {
      if (!before || !five || !ten || !fifteen) return [];
      const place = name === "conv5" ? "other images" : "the same images";
      return [
        { place, statement: "a", outcome: isAsLarge(five, bounds.afterFive) },
        { place, statement: "b", outcome: isAbove(ten, bounds.afterTen) },
        { place, statement: "c", outcome: isAbove(fifteen, 0.75 * before.value) },
        { place, statement: "d", outcome: isWithin(lostAtRandom, bounds.spared) },
      ];
    });
  const [honest, paperWay] = rows.filter(({ name }) => name.startsWith("conv5"));
  const steps = (row: (typeof rows)[number] | undefined): string =>
    row ? listed(sizes.map((size, at) => `${points(row.lost[at].value, 1)} points after ${size}`)) : "";
  return claim("unit-sets", {
    headline: honest
      ? `conv5: ${listed(sizes.map((size, at) => `${inWords(honest.lost[at])} after ${size}`))}; 15 random units: ${inWords(honest.lostAtRandom)}`
      : "",
    findings: rows.flatMap(({ name, greedy, lost, random, lostAtRandom }): Finding[] => [
      finding(name, "nothing removed", "percent", greedy[0]),
      ...sizes.map((step, at) => finding(name, `lost to ${step} greedy units`, "points", lost[at])),
      ...sizes.map((step, at) => finding(name, `right after ${step} random units`, "percent", random[at])),
      finding(name, "lost to 15 random units", "points", lostAtRandom),
    ]),
    intervals: `95 % bootstrap over classes (${listed(asked(sets, classCount))}); for random sets over classes and sequences. Half of the images of a class choose the units, the others measure, but for the last row. conv1 to conv3: ${lowerImages} images of every class; otherwise all`,
    judged,
    why: `A class loses ${steps(honest)} units chosen on other images${paperWay ? `, and ${steps(paperWay)} chosen on the measured ones, which makes sets look stronger than they are` : ""}.`,
    pictures: alexnetLayers.map((layer) => ({
      file: `sets-${layer}.svg`,
      shows: `accuracy of classes as units of ${layer} are removed`,
    })),
    tables: ["set-curves.csv"],
  });
}

/** `all 10`; `20, evenly spaced in the list, of 100 at conv4 and conv5`. */
function asked(sets: Table, classCount: number): string[] {
  const byCount = new Map<number, string[]>();
  for (const layer of new Set(texts(sets, "layer"))) {
    const { size } = byClass(sets, layer, "greedy", 0);
    byCount.set(size, [...(byCount.get(size) ?? []), layer].sort());
  }
  return [...byCount].map(([size, layers]) =>
    size === classCount && byCount.size === 1
      ? `all ${size}`
      : `${size === classCount ? "all" : `${size}, evenly spaced in the list, of`} ${classCount} at ${listed(layers)}`,
  );
}

/** What the sets cost a class, mean over classes (and sequences). */
function lostAfter(sets: Table, layer: string, strategy: string, step: number): Estimate {
  const [before, after] = [byClass(sets, layer, strategy, 0), byClass(sets, layer, strategy, step)];
  return nestedBootstrap(
    [...after].map(([cls, values]) => values.map((value) => (before.get(cls)?.[0] ?? Number.NaN) - value)),
  );
}

/** The share of a class's accuracy that greedily chosen units cost it, mean over classes. */
export function lostShare(sets: Table, layer: string, step: number): Estimate {
  const [before, after] = [byClass(sets, layer, "greedy", 0), byClass(sets, layer, "greedy", step)];
  return nestedBootstrap(
    [...after].map(([cls, values]) => values.map((value) => 1 - value / (before.get(cls)?.[0] ?? Number.NaN))),
  );
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
