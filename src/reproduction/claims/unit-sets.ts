/** Figure 4: removing units together. */
import { type Estimate, nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { doubles, filterRows, integers, type Table, texts } from "../../tables/table.ts";
import type { Evidence } from "../evidence.ts";
import { type Claim, claim, type Finding, finding, inWords, listed, points } from "./claim.ts";
import { isAbove, isAsLarge, isWithin, type Judged } from "./judgement.ts";
import { lastLayerName, lastLayers, overNetworks } from "./over-networks.ts";
import { bounds } from "./rules.ts";

/** Numbers of removed units that the paper speaks of. */
const sizes = [5, 10, 15] as const;

/** A few units wipe out a class; as many random ones do not. */
export function unitSetsClaim(evidence: Evidence): Claim {
  const { sets, setsPaperWay, classCount } = evidence;
  const last = lastLayers(evidence);
  const honest =
    last.length > 0
      ? rowOf(
          lastLayerName(last),
          "conv5",
          last.map((each) => each.sets),
        )
      : undefined;
  const paperWay = setsPaperWay
    ? rowOf("conv5 (one network, chosen and measured on the same images)", "conv5", [setsPaperWay])
    : undefined;
  const ownOfMain = evidence.main.last ? rowOf("", "conv5", [evidence.main.last.sets]) : undefined;
  const rows = [...(honest ? [honest] : []), ...(paperWay ? [paperWay] : [])];
  return claim("unit-sets", {
    headline: honest
      ? `conv5: ${listed(sizes.map((size, at) => `${inWords(honest.lost[at])} after ${size}`))}; 15 random units: ${inWords(honest.lostAtRandom)}`
      : "",
    findings: rows.flatMap(({ name, nothing, lost, share, random, lostAtRandom }): Finding[] => [
      finding(name, "nothing removed", "percent", nothing),
      ...sizes.map((step, at) => finding(name, `lost to ${step} greedy units`, "points", lost[at])),
      finding(name, "share of the accuracy lost to 15", "percent", share),
      ...sizes.map((step, at) => finding(name, `right after ${step} random units`, "percent", random[at])),
      finding(name, "lost to 15 random units", "points", lostAtRandom),
    ]),
    intervals: `95 %; ${last.length > 1 ? `conv5: over ${last.length} networks (Student's t), the images held fixed; of one network: ` : ""}bootstrap over classes (${asked(sets, classCount)}), for random sets over classes and sequences. Half of the images of a class choose the units, the others measure, but for the last row`,
    judged: honest ? judgedOf(honest) : [{ place: "conv5", statement: "", outcome: "unasked" }],
    why: honest
      ? `A class loses ${stepsOf(honest)} units chosen on other images${paperWay && ownOfMain ? `; in ${evidence.main.name} alone ${stepsOf(ownOfMain)}, and ${stepsOf(paperWay)} where units are chosen on the measured images, as in the paper` : ""}.`
      : "",
    pictures: [{ file: "sets-conv5.svg", shows: "accuracy of classes as units of conv5 are removed" }],
    tables: ["set-curves.csv", "networks-sets.csv"],
  });
}

/** What sets of one layer do, of one network or of several. */
interface SetRow {
  readonly name: string;
  readonly nothing: Estimate;
  /** By size: what greedy sets cost, and what is left after random ones. */
  readonly lost: readonly Estimate[];
  readonly random: readonly Estimate[];
  /** Share of a class's accuracy that 15 greedy units cost. */
  readonly share: Estimate;
  readonly lostAtRandom: Estimate;
}

function rowOf(name: string, layer: string, networks: readonly Table[]): SetRow {
  return {
    name,
    nothing: overNetworks(networks, (table) => accuracyAfter(table, layer, "greedy", 0)),
    lost: sizes.map((step) => overNetworks(networks, (table) => lostAfter(table, layer, "greedy", step))),
    random: sizes.map((step) => overNetworks(networks, (table) => accuracyAfter(table, layer, "random", step))),
    share: overNetworks(networks, (table) => lostShare(table, layer, 15)),
    lostAtRandom: overNetworks(networks, (table) => lostAfter(table, layer, "random", 15)),
  };
}

function judgedOf({ lost: [five, ten], share, lostAtRandom }: SetRow): Judged[] {
  if (!five || !ten) return [];
  const outcomes = {
    a: isAsLarge(five, bounds.afterFive),
    b: isAbove(ten, bounds.afterTen),
    c: isAbove(share, bounds.gone),
    d: isWithin(lostAtRandom, bounds.spared),
  };
  return Object.entries(outcomes).map(([statement, outcome]) => ({ place: "conv5", statement, outcome }));
}

function stepsOf({ lost }: SetRow): string {
  return listed(sizes.map((size, at) => `${points(lost[at]?.value ?? Number.NaN, 1)} points after ${size}`));
}

/** `all 10`; `20, evenly spaced in the list, of 100`. */
function asked(sets: Table, classCount: number): string {
  const { size } = byClass(sets, "conv5", "greedy", 0);
  return size === classCount ? `all ${size}` : `${size}, evenly spaced in the list, of ${classCount}`;
}

/** What the sets cost a class, mean over classes (and sequences). */
export function lostAfter(sets: Table, layer: string, strategy: string, step: number): Estimate {
  const [before, after] = [byClass(sets, layer, strategy, 0), byClass(sets, layer, strategy, step)];
  return nestedBootstrap(
    [...after].map(([cls, values]) => values.map((value) => (before.get(cls)?.[0] ?? Number.NaN) - value)),
  );
}

/** The share of a class's accuracy that greedily chosen units cost it, mean over classes that have any to lose. */
export function lostShare(sets: Table, layer: string, step: number): Estimate {
  const [before, after] = [byClass(sets, layer, "greedy", 0), byClass(sets, layer, "greedy", step)];
  return nestedBootstrap(
    [...after].flatMap(([cls, values]) => {
      const whole = before.get(cls)?.[0] ?? 0;
      return whole > 0 ? [values.map((value) => 1 - value / whole)] : [];
    }),
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
