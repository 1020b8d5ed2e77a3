/** Figures 1, 2 and 3: what removing one unit does. */
import { quantile } from "../../figures/curves.ts";
import type { Estimate } from "../../stats/nested-bootstrap.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import { alexnetLayers } from "../studies.ts";
import { type Claim, claim, count, type Finding, finding, inWords, points } from "./claim.ts";
import { allOf, isAbove, isAsLarge, isPositive, isWithin, type Outcome } from "./judgement.ts";
import { estimateOf, mean, meansOf, type Place, placeOf, placesOf } from "./places.ts";
import { bounds } from "./rules.ts";

const layerDrops = { file: "layer-drops.svg", shows: "max, min and overall drop of every unit, layer by layer" };

const resnetDrops = { file: "layer-drops-resnet18.svg", shows: "the same for ResNet-18" };

const intervals =
  "95 % over images, and over networks where there are several (Student's t); a layer's units are all measured and no sample";

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
    drop: estimateOf(place, { means: meansOf(place, "overall_drop"), measure: "overall" }),
    small: shareOf(place, "overall_drop", (drop) => drop < bounds.smallDrop),
    largest: Math.max(...pooled(place, "overall_drop")),
  }));
  return claim("overall-drop-small", {
    headline: headlineAt(rows, ({ drop }) => `a unit costs ${inWords(drop)} on average`),
    findings: rows.flatMap(({ place: { name }, drop, small, largest }): Finding[] => [
      finding(name, "mean overall drop", "points", drop),
      count(name, "units that cost less than 1 point", "percent", small),
      count(name, "largest of a unit", "points", largest),
    ]),
    intervals,
    judged: rows.map(({ place: { name }, drop, small }) => ({
      place: name,
      statement: "",
      outcome: small < bounds.mostUnits ? "against" : isWithin(drop, bounds.smallDrop),
    })),
    why: `The most important unit of all costs ${points(Math.max(...rows.map(({ largest }) => largest)))} points of all images.`,
    pictures: [layerDrops],
    tables: ["units.csv", "runs.csv"],
  });
}

/** Removing one unit costs some class much more. */
export function classDropClaim(evidence: Evidence): Claim {
  const rows = placesOf(evidence).map((place) => {
    const [split, overall] = [meansOf(place, "split_half_drop"), meansOf(place, "overall_drop")];
    const beyond = split.map((drop, network) => drop - overall[network]);
    return {
      place,
      max: mean(meansOf(place, "max_class_drop")),
      chance: mean(meansOf(place, "max_class_null")),
      alike: mean(meansOf(place, "specificity_null")),
      overall: mean(overall),
      split: estimateOf(place, { means: split, measure: "ofClass" }),
      beyond: estimateOf(place, { means: beyond, measure: "beyondOverall" }),
      specific: shareOf(place, "specificity_q_value", (q) => q <= 0.05),
      detectable: mean(pooled(place, "smallest_detectable_drop")),
    };
  });
  const trained = beyondLearned(evidence);
  return claim("class-drop-large", {
    headline: headlineAt(
      rows,
      ({ max, split, chance, alike }) =>
        `${points(max)} points, ${inWords(split)} without the luck of choosing; ${points(chance)} by chance, ${points(alike)} if units hurt all classes alike`,
    ),
    findings: [
      ...rows.flatMap(({ place: { name }, ...row }): Finding[] => [
        count(name, "mean max class drop", "points", row.max),
        finding(name, "without the luck of choosing", "points", row.split),
        count(name, "overall drop", "points", row.overall),
        finding(name, "beyond the overall drop", "points", row.beyond),
        count(name, "by chance alone", "points", row.chance),
        count(name, "as the others hurt", "points", row.alike),
        count(name, "units that single out a class", "percent", row.specific),
        count(name, "drop found with a power of 80 %", "points", row.detectable),
      ]),
      ...(trained
        ? [finding("conv5, trained minus learned nothing", "beyond the overall drop", "points", trained)]
        : []),
    ],
    intervals,
    judged: [
      ...rows.flatMap(({ place: { name }, split, beyond, overall, specific, detectable }) => [
        {
          place: name,
          statement: "a",
          outcome: allOf([isPositive(beyond), isAbove(split, bounds.muchLarger * Math.max(0, overall))]),
        },
        { place: name, statement: "b", outcome: mostSpecific({ specific, detectable, drop: split.value }) },
      ]),
      { place: "conv5", statement: "c", outcome: trained ? isPositive(trained) : ("unasked" as const) },
    ],
    why: `With ${evidence.classCount} classes, one class is ${points(1 / evidence.classCount, 0)} % of the images, so that no class drop can be more than ${evidence.classCount} times the overall drop unless other classes gain.`,
    pictures: [
      layerDrops,
      ...(networksOf(evidence, "ResNet-18").length > 0 ? [resnetDrops] : []),
      ...alexnetLayers.map(unitDropsPicture),
      ...alexnetLayers.map(cardPicture),
    ],
    tables: ["units.csv", "drops.csv", "runs.csv"],
  });
}

function mostSpecific({ specific, detectable, drop }: { specific: number; detectable: number; drop: number }): Outcome {
  if (specific > 0.5) return "holds";
  return detectable <= drop ? "against" : "open";
}

/** What trained networks' class drops exceed those of networks that learned nothing by, each beyond its overall drop. */
function beyondLearned(evidence: Evidence): Estimate | undefined {
  const [trained, untrained] = (["plain", "random convolutions"] as const).map((variant) => {
    const place = placeOf(evidence, variant, "conv5");
    const overall = meansOf(place, "overall_drop");
    return { place, means: meansOf(place, "split_half_drop").map((drop, network) => drop - overall[network]) };
  });
  if (!trained || !untrained || untrained.means.length === 0) return undefined;
  return estimateOf(trained.place, { means: trained.means, measure: "beyondOverall", against: untrained });
}

/** How much of a class one unit can carry. */
export function classDropSizeClaim(evidence: Evidence): Claim {
  const places = placesOf(evidence).filter(({ layer }) => layer === "conv5");
  const rows = places.map((place) => ({ place, largest: Math.max(...pooled(place, "max_class_drop")) }));
  const isAsked = evidence.classCount >= bounds.manyClasses;
  return claim("class-drop-size", {
    headline: headlineAt(rows, ({ largest }) => `the most damaging unit costs its class ${points(largest)} points`),
    findings: rows.map(({ place: { name }, largest }) => count(name, "largest max class drop", "points", largest)),
    intervals: "none: one unit is one unit",
    judged: rows.map(({ place: { name }, largest }) => ({
      place: name,
      statement: "",
      outcome: isAsked ? isAsLarge({ value: largest, low: largest, high: largest }, bounds.largestDrop) : "unasked",
    })),
    why: `There are ${evidence.classCount} classes here.`,
    pictures: ["conv4", "conv5"].map(unitDropsPicture),
    tables: ["units.csv"],
  });
}

/** The damage falls on few classes. */
export function fewClassesClaim(evidence: Evidence): Claim {
  const { classCount } = evidence;
  const few = Math.floor(bounds.fewClasses * classCount);
  const rows = placesOf(evidence).map((place) => {
    const [drops, qValues] = [pooled(place, "max_class_drop"), pooled(place, "max_class_q_value")];
    const hurts = drops.map((drop, unit) => Number(drop > 0 && qValues[unit] <= 0.05));
    const classes = pooled(place, "hurt_classes").filter((_, unit) => hurts[unit] === 1);
    return {
      place,
      hit: mean(hurts),
      mean: mean(classes),
      median: classes.length > 0 ? quantile(classes.slice().sort(), 0.5) : Number.NaN,
      drop: mean(pooled(place, "split_half_drop")),
      detectable: mean(pooled(place, "smallest_detectable_drop")),
    };
  });
  return claim("few-classes", {
    headline: headlineAt(rows, ({ mean: classes }) =>
      Number.isNaN(classes)
        ? "no unit really hurts a class"
        : `${classes.toFixed(1)} of ${classCount} classes are hurt`,
    ),
    findings: rows.flatMap(({ place: { name }, hit, mean: classes, median, drop, detectable }): Finding[] => [
      count(name, "units that hurt a class", "percent", hit),
      ...(Number.isNaN(classes)
        ? []
        : [count(name, "classes that these hurt, mean", "number", classes), count(name, "median", "number", median)]),
      count(name, "class drop without the luck of choosing", "points", drop),
      count(name, "drop found with a power of 80 %", "points", detectable),
    ]),
    intervals: "none: numbers of classes with a real drop are lower bounds, which is why power is asked for",
    judged: rows.map(({ place: { name }, hit, median, drop, detectable }) => ({
      place: name,
      statement: "",
      outcome: fewOutcome({ hit, median, few, drop, detectable }),
    })),
    pictures: alexnetLayers.map(unitDropsPicture),
    tables: ["units.csv", "drops.csv"],
  });
}

function fewOutcome({
  hit,
  median,
  few,
  drop,
  detectable,
}: {
  hit: number;
  median: number;
  few: number;
  drop: number;
  detectable: number;
}): Outcome {
  if (hit < bounds.enoughUnits) return "open";
  if (median > few) return "against";
  return detectable <= drop / 2 ? "holds" : "open";
}

/** The number at the last convolution. */
function headlineAt<T extends { readonly place: Place }>(rows: readonly T[], say: (row: T) => string): string {
  const row = rows.find(({ place }) => place.layer === "conv5");
  return row ? `conv5: ${say(row)}` : "";
}

function unitDropsPicture(layer: string): { file: string; shows: string } {
  return { file: `unit-drops-${layer}.svg`, shows: `class drops of the most damaging units of ${layer}` };
}

function cardPicture(layer: string): { file: string; shows: string } {
  return { file: `unit-card-${layer}.svg`, shows: `the card of the most damaging unit of ${layer}` };
}
