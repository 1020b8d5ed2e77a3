/** Figures 1, 2 and 3: what removing one unit does. */
import { quantile } from "../../figures/curves.ts";
import { nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import { alexnetLayers, comparedLayers, resnetLayers } from "../networks.ts";
import { type Claim, count, type Finding, finding, heldOf, inWords, listed, points, verdictOf } from "./claim.ts";

/** An overall drop below this counts as small. */
const smallDrop = 0.01;
/** Share of a layer's units whose overall drop must be small. */
const mostUnits = 0.95;
/** How many times larger than the overall drop a class drop must be to count as large. */
const muchLarger = 3;
/** Share of a layer's units that must hurt a class for the layer to tell how many classes a unit hurts. */
const enoughUnits = 0.2;
/** Largest median number of classes, of all classes, that still counts as few. */
const fewClasses = 1 / 3;

const layerDrops = { file: "layer-drops.svg", shows: "max, min and overall drop of every unit, layer by layer" };

const resnetDrops = { file: "layer-drops-resnet18.svg", shows: "the same for ResNet-18" };

interface Place {
  readonly name: string;
  /** Whether verdicts count it: not where it is contained in another. */
  readonly isJudged: boolean;
  readonly values: (column: string) => Float64Array[];
}

/** The layers of the main network, then those that several plain networks share, then ResNet-18's. */
function placesOf(evidence: Evidence): Place[] {
  const plain = networksOf(evidence, "plain");
  const resnets = networksOf(evidence, "ResNet-18");
  return [
    ...alexnetLayers.map(
      (layer): Place => ({
        name: layer,
        isJudged: plain.length < 2 || !comparedLayers.some((compared) => compared === layer),
        values: (column) => [unitValues(evidence.main, layer, column)],
      }),
    ),
    ...(plain.length < 2 ? [] : comparedLayers).map(
      (layer): Place => ({
        isJudged: true,
        name: `${layer} (mean of ${plain.length} networks)`,
        values: (column) => plain.map((network) => unitValues(network, layer, column)),
      }),
    ),
    ...(resnets.length > 0 ? resnetLayers : []).map(
      (layer): Place => ({
        isJudged: true,
        name: `ResNet-18 ${layer}`,
        values: (column) => resnets.map((network) => unitValues(network, layer, column)),
      }),
    ),
  ];
}

/** Removing one unit hardly changes the accuracy. */
export function overallDropClaim(evidence: Evidence): Claim {
  const rows = placesOf(evidence).map(({ name, isJudged, values }) => {
    const drops = values("overall_drop");
    return {
      name,
      isJudged,
      mean: nestedBootstrap(drops),
      small: nestedBootstrap(drops.map((units) => units.map((drop) => Number(drop < smallDrop)))),
      largest: Math.max(...drops.map((units) => Math.max(...units))),
    };
  });
  const judged = rows.filter(({ isJudged }) => isJudged);
  const holds = judged.map(({ mean, small }) => mean.high < smallDrop && small.value >= mostUnits);
  return {
    id: "overall-drop-small",
    title: "Removing one unit hardly changes the overall accuracy",
    where: "Abstract; figure 3",
    paper: "Removing any single unit does not hurt the overall accuracy.",
    rule: `In a layer, the interval of the mean overall drop ends below ${points(smallDrop, 0)} point, and at least ${points(mostUnits, 0)} % of the units cost less than that. Same: in every layer.`,
    headline: headlineAt(rows, ({ mean }) => `a unit costs ${inWords(mean)} on average`),
    findings: rows.flatMap(({ name, mean, small, largest }): Finding[] => [
      finding(name, "mean overall drop", "points", mean),
      finding(name, `units that cost less than ${points(smallDrop, 0)} point`, "percent", small),
      count(name, "largest of a unit", "points", largest),
    ]),
    intervals: unitIntervals,
    verdict: verdictOf(holds),
    held: heldOf(holds),
    why: `${failingIn(judged, holds)} The most important unit of all costs ${points(Math.max(...rows.map(({ largest }) => largest)))} points of all images.`,
    pictures: [layerDrops],
    tables: ["units.csv", "runs.csv"],
  };
}

/** Removing one unit costs some class much more. */
export function classDropClaim(evidence: Evidence): Claim {
  const rows = placesOf(evidence).map(({ name, isJudged, values }) => {
    const [split, overall, max] = [values("split_half_drop"), values("overall_drop"), values("max_class_drop")];
    const excess = split.map((drops, network) =>
      drops.map((drop, unit) => drop - (overall[network]?.[unit] ?? Number.NaN)),
    );
    return {
      name,
      isJudged,
      max: nestedBootstrap(max),
      null: nestedBootstrap(values("max_class_null")).value,
      split: nestedBootstrap(split),
      excess: nestedBootstrap(excess),
      overall: nestedBootstrap(overall).value,
      hit: nestedBootstrap(hurtsClass(values)),
    };
  });
  const judged = rows.filter(({ isJudged }) => isJudged);
  const holds = judged.map(
    ({ excess, split, overall, hit }) =>
      excess.low > 0 && split.value >= muchLarger * Math.max(0, overall) && hit.value > 0.5,
  );
  const conv5 = rows.find(({ name }) => name === "conv5");
  return {
    id: "class-drop-large",
    title: "Removing one unit damages some class",
    where: "Abstract; figures 1, 2 and 3",
    paper: "Removing one unit does significant damage to the accuracy of specific classes.",
    rule: `In a layer, the class drop without the luck of choosing (split half) is at least ${muchLarger} times the overall drop on average, the interval of their difference lies above 0, and more than half of the units have a max class drop that is real at 5 % false discoveries. Same: in every layer.`,
    headline: headlineAt(
      rows,
      ({ max, null: chance, split }) =>
        `${inWords(max)}, ${points(chance)} by chance; ${inWords(split)} without the luck of choosing`,
    ),
    findings: rows.flatMap(({ name, max, null: chance, split, overall, hit }): Finding[] => [
      finding(name, "mean max class drop", "points", max),
      count(name, "by chance alone", "points", chance),
      finding(name, "without the luck of choosing", "points", split),
      count(name, "overall drop", "points", overall),
      finding(name, "units with a real max class drop", "percent", hit),
    ]),
    intervals: unitIntervals,
    verdict: verdictOf(holds),
    held: heldOf(holds),
    why: `${failingIn(judged, holds)}${
      conv5
        ? ` At conv5 a unit costs the class that it matters most to ${points(conv5.split.value)} points and all images ${points(conv5.overall)}.`
        : ""
    } With ${evidence.classCount} classes, one class is ${points(1 / evidence.classCount, 0)} % of the images, so that no class drop can be more than ${evidence.classCount} times the overall drop unless other classes gain; with 365 classes it can be much more.`,
    pictures: [
      layerDrops,
      ...(networksOf(evidence, "ResNet-18").length > 0 ? [resnetDrops] : []),
      ...alexnetLayers.map(unitDropsPicture),
      ...alexnetLayers.map(cardPicture),
    ],
    tables: ["units.csv", "drops.csv", "runs.csv"],
  };
}

/** The damage falls on few classes. */
export function fewClassesClaim(evidence: Evidence): Claim {
  const { classCount } = evidence;
  const few = Math.floor(fewClasses * classCount);
  const rows = placesOf(evidence).map(({ name, isJudged, values }) => {
    const hurts = hurtsClass(values);
    const changed = values("significant_classes").map((classes, network) =>
      classes.filter((_, unit) => hurts[network]?.[unit] === 1),
    );
    const all = Float64Array.from(changed.flatMap((classes) => [...classes])).sort();
    return {
      name,
      isJudged,
      hit: nestedBootstrap(hurts),
      mean: nestedBootstrap(changed),
      median: all.length > 0 ? quantile(all, 0.5) : 0,
    };
  });
  const judged = rows.filter(({ isJudged }) => isJudged);
  const holds = judged.map(({ hit, median }) => hit.value >= enoughUnits && median <= few);
  return {
    id: "few-classes",
    title: "A unit matters to a few classes",
    where: "Abstract; figures 1 and 2",
    paper: "A unit is specialised: it carries information that matters to a subset of the classes.",
    rule: `In a layer, at least ${points(enoughUnits, 0)} % of the units really hurt a class, and half of these change at most ${few} of ${classCount} classes (hurt or helped, at 5 % false discoveries). Same: in every layer.`,
    headline: headlineAt(rows, ({ mean }) =>
      Number.isNaN(mean.value)
        ? "no unit really hurts a class"
        : `${mean.value.toFixed(1)} (${mean.low.toFixed(1)} to ${mean.high.toFixed(1)}) of ${classCount} classes`,
    ),
    findings: rows.flatMap(({ name, hit, mean, median }): Finding[] => [
      finding(name, "units that hurt a class", "percent", hit),
      finding(name, "classes that these change, mean", "number", mean),
      count(name, "median", "number", median),
    ]),
    intervals: `${unitIntervals}. Networks without such a unit are left out of the mean`,
    verdict: verdictOf(holds),
    held: heldOf(holds),
    why: `${failingIn(judged, holds)} Smaller image sets leave more effects undetected, so that the numbers of classes are lower bounds.`,
    pictures: alexnetLayers.map(unitDropsPicture),
    tables: ["units.csv", "drops.csv"],
  };
}

const unitIntervals =
  "95 % bootstrap over units, and over networks where there are several; the test images are held fixed";

/** 1 for every unit whose max class drop is damage and real at 5 % false discoveries, else 0. */
function hurtsClass(values: Place["values"]): Float64Array[] {
  const [drops, qValues] = [values("max_class_drop"), values("max_class_q_value")];
  return drops.map((own, network) =>
    own.map((drop, unit) => Number(drop > 0 && (qValues[network]?.[unit] ?? Number.NaN) <= 0.05)),
  );
}

/** Says where a rule fails, or that it holds. */
function failingIn(judged: readonly { readonly name: string }[], holds: readonly boolean[]): string {
  const failing = judged.filter((_, at) => !holds[at]).map(({ name }) => name);
  return failing.length === 0 ? "It holds in every layer." : `It fails in ${listed(failing)}.`;
}

/** The number of the first network's last convolution. */
function headlineAt<T extends { readonly name: string }>(rows: readonly T[], say: (row: T) => string): string {
  const row = rows.find(({ name }) => name === "conv5");
  return row ? `conv5: ${say(row)}` : "";
}

function unitDropsPicture(layer: string): { file: string; shows: string } {
  return { file: `unit-drops-${layer}.svg`, shows: `class drops of the most damaging units of ${layer}` };
}

function cardPicture(layer: string): { file: string; shows: string } {
  return { file: `unit-card-${layer}.svg`, shows: `the card of the most damaging unit of ${layer}` };
}
