/** Figures 1, 2 and 3: what removing one unit does. */
import { quantile } from "../../figures/curves.ts";
import type { Estimate } from "../../stats/nested-bootstrap.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import { alexnetLayers } from "../studies.ts";
import { type Claim, claim, count, dropsTable, type Finding, finding, inWords, points } from "./claim.ts";
import { allOf, isAsLarge, isPositive, isWithin, type Outcome } from "./judgement.ts";
import { estimateOf, mean, meansOf, type Place, placesOf } from "./places.ts";
import { bounds } from "./rules.ts";

const layerDrops = [
  { file: "layer-drops.svg", shows: "max, min and overall drop of every unit of conv4 and conv5" },
  { file: "layer-drops-lower.svg", shows: "the same of conv1 to conv3, on fewer images" },
];

const resnetDrops = { file: "layer-drops-resnet18.svg", shows: "the same for ResNet-18" };

const intervals =
  "95 % over images, and over networks where there are several (Student's t over networks and normal over images, squared and added); a layer's units are all measured and no sample";

/** Values of all units of a place's networks. */
function pooled({ layer, networks }: Place, column: string): Float64Array {
  return Float64Array.from(networks.flatMap((network) => [...unitValues(network, layer, column)]));
}

/** Share of the units for which something is true, mean over networks. */
function shareOf(place: Place, column: string, holds: (value: number) => boolean): number {
  return mean(
    place.networks.map((network) => mean(unitValues(network, place.layer, column).map((v) => Number(holds(v))))),
  );
}

/** Removing one unit hardly changes the accuracy. */
export function overallDropClaim(evidence: Evidence): Claim {
  const rows = placesOf(evidence).map((place) => ({
    place,
    drop: estimateOf(place, { means: meansOf(place, "overall_drop"), measure: { of: "overall" } }),
    ...smallDrops(place),
    largest: Math.max(...pooled(place, "overall_drop")),
  }));
  return claim("overall-drop-small", {
    headline: headlineAt(rows, ({ drop }) => `a unit costs ${inWords(drop)} on average`),
    findings: rows.flatMap(({ place: { name }, drop, small, surelySmall, surelyLarge, largest }): Finding[] => [
      finding(name, "mean overall drop", "points", drop),
      count(name, "units that cost less than 1 point", "percent", small),
      count(name, "surely less", "percent", surelySmall),
      count(name, "surely more", "percent", surelyLarge),
      count(name, "largest of a unit", "points", largest),
    ]),
    intervals,
    judged: rows.map(({ place: { name }, drop, surelySmall, surelyLarge }) => ({
      place: name,
      statement: "",
      outcome: allOf([isWithin(drop, bounds.smallDrop), mostSmall({ surelySmall, surelyLarge })]),
    })),
    why: `The most important unit of all costs ${points(Math.max(...rows.map(({ largest }) => largest)))} points of all images. In a layer of few units one unit is many per cent of the layer; the paper shows layers of hundreds.`,
    pictures: layerDrops,
    tables: ["units.csv", "networks-units.csv"],
  });
}

/** Shares of a place's units by their overall drop: below the bound, and with a 95 % interval below or above it. */
function smallDrops(place: Place): { small: number; surelySmall: number; surelyLarge: number } {
  const shares = place.networks.map((network) => {
    const [drop, lost, gained, images] = (["overall_drop", "lost", "gained", "images"] as const).map((column) =>
      unitValues(network, place.layer, column),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array];
    const error = drop.map((each, unit) =>
      Math.sqrt(Math.max(0, lost[unit] + gained[unit] - each ** 2 * images[unit]) / images[unit] ** 2),
    );
    const share = (holds: (drop: number, reach: number) => boolean): number =>
      mean(drop.map((each, unit) => Number(holds(each, 1.96 * error[unit]))));
    return [
      share((each) => each < bounds.smallDrop),
      share((each, reach) => each + reach < bounds.smallDrop),
      share((each, reach) => each - reach > bounds.smallDrop),
    ];
  });
  const [small, surelySmall, surelyLarge] = [0, 1, 2].map((at) => mean(shares.map((each) => each[at])));
  return { small, surelySmall, surelyLarge };
}

function mostSmall({ surelySmall, surelyLarge }: { surelySmall: number; surelyLarge: number }): Outcome {
  if (surelySmall >= bounds.mostUnits) return "holds";
  return surelyLarge > 1 - bounds.mostUnits ? "against" : "open";
}

/** Removing one unit costs some class much more. */
export function classDropClaim(evidence: Evidence): Claim {
  const rows = placesOf(evidence).map((place) => {
    const [split, overall] = [meansOf(place, "split_half_drop"), meansOf(place, "overall_drop")];
    const beyond = (times: number): Estimate =>
      estimateOf(place, {
        means: split.map((drop, network) => drop - times * overall[network]),
        measure: { of: "ofClass", beyond: times },
      });
    return {
      place,
      max: mean(meansOf(place, "max_class_drop")),
      chance: mean(meansOf(place, "max_class_null")),
      alike: mean(meansOf(place, "specificity_null")),
      overall: mean(overall),
      split: estimateOf(place, { means: split, measure: { of: "ofClass" } }),
      beyond: beyond(1),
      farBeyond: beyond(bounds.muchLarger),
      specific: shareOf(place, "specificity_q_value", (q) => q <= 0.05),
      detectable: mean(pooled(place, "smallest_detectable_drop")),
    };
  });
  return claim("class-drop-large", {
    headline: headlineAt(
      rows,
      ({ max, split, chance, alike }) =>
        `${points(max)} points, ${inWords(split)} without the luck of choosing; ${points(chance)} by chance, ${points(alike)} if a unit's damage were spread over classes as the layer's other units' is`,
    ),
    findings: rows.flatMap(({ place: { name }, ...row }): Finding[] => [
      count(name, "mean max class drop", "points", row.max),
      finding(name, "without the luck of choosing", "points", row.split),
      count(name, "overall drop", "points", row.overall),
      finding(name, "beyond the overall drop", "points", row.beyond),
      finding(name, "beyond 3 times it", "points", row.farBeyond),
      count(name, "by chance alone", "points", row.chance),
      count(name, "spread as the other units' damage", "points", row.alike),
      count(name, "units that single out a class", "percent", row.specific),
      count(name, "drop found with a power of 80 %", "points", row.detectable),
    ]),
    intervals,
    judged: rows.flatMap(({ place: { name }, split, beyond, farBeyond, specific, detectable }) => [
      { place: name, statement: "a", outcome: allOf([isPositive(beyond), isPositive(farBeyond)]) },
      { place: name, statement: "b", outcome: mostSpecific({ specific, detectable, drop: split.value }) },
    ]),
    why: `With ${evidence.classCount} classes, one class is ${points(1 / evidence.classCount, 0)} % of the images, so that no class drop can be more than ${evidence.classCount} times the overall drop unless other classes gain.`,
    pictures: [
      ...layerDrops,
      ...(networksOf(evidence, "ResNet-18").length > 0 ? [resnetDrops] : []),
      ...alexnetLayers.map(unitDropsPicture),
      ...(evidence.showsImages ? alexnetLayers.map(cardPicture) : []),
    ],
    tables: ["units.csv", dropsTable(evidence.classCount), "networks-units.csv"],
  });
}

function mostSpecific({ specific, detectable, drop }: { specific: number; detectable: number; drop: number }): Outcome {
  if (specific > 0.5) return "holds";
  return detectable <= drop ? "against" : "open";
}

/** How much of a class one unit can carry. */
export function classDropSizeClaim(evidence: Evidence): Claim {
  const places = placesOf(evidence).filter(({ layer }) => layer === "conv5");
  const rows = places.map((place) => ({ place, largest: Math.max(...pooled(place, "max_class_drop")) }));
  const [conv4] = placesOf(evidence).filter(({ layer }) => layer === "conv4");
  const ofConv4 = conv4 && Math.max(...pooled(conv4, "max_class_drop"));
  return claim("class-drop-size", {
    headline: headlineAt(rows, ({ largest }) => `the most damaging unit costs its class ${points(largest)} points`),
    findings: rows.map(({ place: { name }, largest }) =>
      count(name, "largest max class drop of all networks", "points", largest),
    ),
    intervals: "none: one unit is one unit",
    judged: rows.map(({ place: { name }, largest }) => ({
      place: name,
      statement: "",
      outcome: isAsLarge({ value: largest, low: largest, high: largest }, bounds.largestDrop),
    })),
    why: `The paper names units of networks with 365 classes, which it chose to show; here it is the most damaging of all units of conv5, among ${evidence.classCount} classes${ofConv4 === undefined ? "" : `; at conv4, which the rule does not ask, it costs its class ${points(ofConv4)} points`}.`,
    pictures: ["conv5", "conv4"].map(unitDropsPicture),
    tables: ["networks-units.csv"],
  });
}

/** The damage falls on few classes. */
export function fewClassesClaim(evidence: Evidence): Claim {
  const { classCount } = evidence;
  const few = Math.floor(bounds.fewClasses * classCount);
  const rows = placesOf(evidence).map((place) => {
    const lost = pooled(place, "hurt_classes");
    const byLogprob = place.networks.flatMap((network) => [
      ...(network.classes.hurtByLogprob.get(place.layer) ?? new Float64Array(0)),
    ]);
    return {
      place,
      hit: mean(lost.map((classes) => Number(classes > 0))),
      ...typical(lost.filter((classes) => classes > 0)),
      sharper: typical(Float64Array.from(byLogprob).filter((classes) => classes > 0)),
      drop: mean(pooled(place, "split_half_drop")),
      detectable: mean(pooled(place, "smallest_detectable_drop")),
    };
  });
  return claim("few-classes", {
    headline: headlineAt(rows, ({ mean: classes, sharper }) =>
      Number.isNaN(classes)
        ? "no unit really hurts a class"
        : `${classes.toFixed(1)} of ${classCount} classes lose images, ${sharper.mean.toFixed(1)} lose log-probability`,
    ),
    findings: rows.flatMap(({ place: { name }, hit, mean: classes, median, sharper, drop, detectable }): Finding[] =>
      [
        count(name, "units that hurt a class", "percent", hit),
        count(name, "classes that these cost images, mean", "number", classes),
        count(name, "median", "number", median),
        count(name, "classes that a unit costs log-probability, mean", "number", sharper.mean),
        count(name, "median of these", "number", sharper.median),
        count(name, "class drop without the luck of choosing", "points", drop),
        count(name, "drop found with a power of 80 %", "points", detectable),
      ].filter(({ value }) => !Number.isNaN(value)),
    ),
    intervals:
      "none: numbers of classes with a real drop are lower bounds, which is why power, or log-probability, is asked for",
    judged: rows.map(({ place: { name }, hit, median, sharper, drop, detectable }) => ({
      place: name,
      statement: "",
      outcome: fewOutcome({ hit, median, sharper: sharper.median, few, drop, detectable }),
    })),
    pictures: alexnetLayers.map(unitDropsPicture),
    tables: ["units.csv", dropsTable(evidence.classCount), "networks-units.csv"],
  });
}

function typical(values: Float64Array): { mean: number; median: number } {
  const median = values.length > 0 ? quantile(values.slice().sort(), 0.5) : Number.NaN;
  return { mean: mean(values), median };
}

interface HurtClasses {
  /** Share of the units that hurt a class. */
  readonly hit: number;
  /** Median of the classes that these cost images, and of those that units cost log-probability. */
  readonly median: number;
  readonly sharper: number;
  readonly few: number;
  readonly drop: number;
  readonly detectable: number;
}

function fewOutcome({ hit, median, sharper, few, drop, detectable }: HurtClasses): Outcome {
  if (hit < bounds.enoughUnits) return "open";
  if (median > few) return "against";
  return sharper <= few || detectable <= drop / 2 ? "holds" : "open";
}

/** The number at the last convolution. */
function headlineAt<T extends { readonly place: Place }>(rows: readonly T[], say: (row: T) => string): string {
  const row = rows.findLast(({ place }) => place.layer === "conv5");
  return row ? `conv5: ${say(row)}` : "";
}

function unitDropsPicture(layer: string): { file: string; shows: string } {
  return { file: `unit-drops-${layer}.svg`, shows: `class drops of the most damaging units of ${layer}` };
}

function cardPicture(layer: string): { file: string; shows: string } {
  return { file: `unit-card-${layer}.svg`, shows: `the card of the most damaging unit of ${layer}` };
}
