/** Figures 1, 2 and 3: what removing one unit does. */
import { quantile } from "../../figures/curves.ts";
import { type Estimate, nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import { alexnetLayers, comparedLayers, resnetLayers } from "../networks.ts";
import { type Claim, count, type Finding, finding, inWords, listed, points, verdictOf } from "./claim.ts";

/** Largest mean overall drop that still counts as small. */
const smallDrop = 0.01;
/** Largest median number of classes, of all classes, that still counts as few. */
const fewClasses = 1 / 3;

const layerDrops = { file: "layer-drops.svg", shows: "max, min and overall drop of every unit, layer by layer" };

const resnetDrops = { file: "layer-drops-resnet18.svg", shows: "the same for ResNet-18" };

interface Place {
  readonly name: string;
  readonly values: (column: string) => Float64Array[];
}

/** The layers of the main network, then those that several plain networks share, then ResNet-18's. */
function placesOf(evidence: Evidence): Place[] {
  const plain = networksOf(evidence, "plain");
  const resnets = networksOf(evidence, "ResNet-18");
  return [
    ...alexnetLayers.map(
      (layer): Place => ({ name: layer, values: (column) => [unitValues(evidence.main, layer, column)] }),
    ),
    ...comparedLayers.map(
      (layer): Place => ({
        name: `${layer} (mean of ${plain.length} networks)`,
        values: (column) => plain.map((network) => unitValues(network, layer, column)),
      }),
    ),
    ...(resnets.length > 0 ? resnetLayers : []).map(
      (layer): Place => ({
        name: `ResNet-18 ${layer}`,
        values: (column) => resnets.map((network) => unitValues(network, layer, column)),
      }),
    ),
  ];
}

/** Removing one unit hardly changes the accuracy. */
export function overallDropClaim(evidence: Evidence): Claim {
  const estimates = placesOf(evidence).map(({ name, values }) => ({
    name,
    mean: nestedBootstrap(values("overall_drop")),
    largest: Math.max(...values("overall_drop").map((drops) => Math.max(...drops))),
  }));
  const holds = estimates.map(({ mean }) => mean.high < smallDrop);
  const failing = estimates.filter((_, at) => !holds[at]).map(({ name }) => name);
  return {
    id: "overall-drop-small",
    title: "Removing one unit hardly changes the overall accuracy",
    where: "Abstract; figure 3",
    paper: "The overall accuracy is not hurt by the removal of any single unit.",
    rule: `The interval of the mean overall drop ends below ${points(smallDrop, 0)} point in every layer; in part: in some layers.`,
    headline: headlineAt(estimates, ({ mean }) => `a unit costs ${inWords(mean)} on average`),
    findings: [
      ...estimates.flatMap(({ name, mean, largest }) => [
        finding(name, "mean overall drop", "points", mean),
        count(name, "largest of a unit", "points", largest),
      ]),
    ],
    intervals: "95 % bootstrap over units, and over networks where there are several",
    verdict: verdictOf(holds),
    why:
      failing.length === 0
        ? "The mean is far below a point everywhere."
        : `It fails in ${listed(failing)}: layers with few units, whose responses everything after them reads. The paper's first layers are wider than ours.`,
    pictures: [layerDrops],
    tables: ["units.csv", "runs.csv"],
  };
}

/** Removing one unit costs some class much more. */
export function classDropClaim(evidence: Evidence): Claim {
  const rows = placesOf(evidence).map(({ name, values }) => {
    const [split, overall, max] = [values("split_half_drop"), values("overall_drop"), values("max_class_drop")];
    const difference = split.map((drops, network) => drops.map((drop, unit) => drop - (overall[network]?.[unit] ?? 0)));
    return {
      name,
      max: nestedBootstrap(max),
      null: nestedBootstrap(values("max_class_null")).value,
      split: nestedBootstrap(split),
      excess: nestedBootstrap(difference),
      hit: nestedBootstrap(values("significant_classes").map((classes) => classes.map((each) => Number(each > 0)))),
    };
  });
  const holds = rows.map(({ excess, hit }) => excess.low > 0 && hit.value > 0.5);
  const failing = rows.filter((_, at) => !holds[at]).map(({ name }) => name);
  return {
    id: "class-drop-large",
    title: "Removing one unit damages some class",
    where: "Abstract; figures 1, 2 and 3",
    paper: "Removing one unit does significant damage to the accuracy of specific classes.",
    rule: "The class drop without the luck of choosing (split half) is larger than the overall drop, with an interval above 0, and more than half of the units have a class whose drop is real at 5 % false discoveries, in every layer; in part: in some.",
    headline: headlineAt(
      rows,
      ({ max, null: chance, split }) =>
        `${inWords(max)}, ${points(chance)} of it by chance; ${inWords(split)} without the luck of choosing`,
    ),
    findings: rows.flatMap(({ name, max, null: chance, split, hit }): Finding[] => [
      finding(name, "mean max class drop", "points", max),
      count(name, "by chance alone", "points", chance),
      finding(name, "without the luck of choosing", "points", split),
      finding(name, "units with a real effect on a class", "percent", hit),
    ]),
    intervals: "95 % bootstrap over units, and over networks where there are several",
    verdict: verdictOf(holds),
    why: whySpecific(rows, failing),
    pictures: [
      layerDrops,
      ...(networksOf(evidence, "ResNet-18").length > 0 ? [resnetDrops] : []),
      ...alexnetLayers.map(unitDropsPicture),
      ...alexnetLayers.map(cardPicture),
    ],
    tables: ["units.csv", "drops.csv", "runs.csv"],
  };
}

function whySpecific(
  rows: readonly { readonly name: string; readonly max: Estimate; readonly split: Estimate }[],
  failing: readonly string[],
): string {
  const conv5 = rows.find(({ name }) => name === "conv5");
  const size = conv5
    ? `At conv5 a unit costs its class ${points(conv5.split.value)} points on average once luck is taken out (${points(conv5.max.value)} with it).`
    : "";
  const fails = failing.length === 0 ? "" : ` It fails in ${listed(failing)}.`;
  return `${size} With ten classes a unit serves a larger part of the images than with 365 or 1,000, so that a drop of one class shows in the overall drop, too.${fails}`.trim();
}

/** The damage falls on few classes. */
export function fewClassesClaim(evidence: Evidence): Claim {
  const { classCount } = evidence;
  const rows = placesOf(evidence).map(({ name, values }) => {
    const hit = values("significant_classes").map((classes) => classes.filter((each) => each > 0));
    const all = Float64Array.from(hit.flatMap((classes) => [...classes])).sort();
    return { name, mean: nestedBootstrap(hit), median: all.length > 0 ? quantile(all, 0.5) : Number.NaN };
  });
  const holds = rows.map(({ median }) => median <= fewClasses * classCount);
  const failing = rows.filter((_, at) => !holds[at]).map(({ name }) => name);
  return {
    id: "few-classes",
    title: "A unit matters to a few classes",
    where: "Abstract; figures 1 and 2",
    paper: "A unit is specialised: it carries information that matters to a subset of the classes.",
    rule: `Of the units with a real class drop or gain, half have at most ${Math.floor(fewClasses * classCount)} of ${classCount} classes with one, in every layer; in part: in some.`,
    headline: headlineAt(rows, ({ mean }) =>
      Number.isNaN(mean.value)
        ? "no unit has a real effect on a class"
        : `${mean.value.toFixed(1)} (${mean.low.toFixed(1)} to ${mean.high.toFixed(1)}) of ${classCount} classes`,
    ),
    findings: rows.flatMap(({ name, mean, median }): Finding[] => [
      finding(name, "classes changed, mean", "number", mean),
      count(name, "median", "number", median),
    ]),
    intervals: "95 % bootstrap over units, and over networks where there are several",
    verdict: verdictOf(holds),
    why:
      failing.length === 0
        ? "Most units that change any class change one to three of ten."
        : `In ${listed(failing)} a unit changes more classes: early responses (edges, colours) serve all of them.`,
    pictures: alexnetLayers.map(unitDropsPicture),
    tables: ["units.csv", "drops.csv"],
  };
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
