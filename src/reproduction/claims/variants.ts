/** Figures 8 and 9: what batch norm and channel dropout do to units. */
import { type Estimate, nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import { comparedLayers, type Variant } from "../networks.ts";
import { type Claim, count, type Finding, finding, inWords, points, verdictOf } from "./claim.ts";

const pictures = [
  { file: "max-class-drops.svg", shows: "max class drops of every unit, for three ways of training" },
] as const;
const intervals = "95 % bootstrap over networks and over the units of each";

type Measure = "max_class_drop" | "split_half_drop";

/** Batch norm spreads class information over units. */
export function batchNormClaim(evidence: Evidence): Claim {
  const rows = comparedLayers.map((layer) => compareWithPlain(evidence, "batch norm", layer));
  const holds = rows.map(({ max, split }) => max.high < 0 && split.high < 0);
  return {
    id: "batch-norm",
    title: "Batch norm spreads class information over units",
    where: "Figure 8",
    paper: "With batch norm on every convolution, removing one unit damages single classes less.",
    rule: "The mean max class drop is smaller than in the plain networks, with an interval below 0, and so is the split-half drop, at conv4 and conv5; in part: at one of them.",
    headline: headlineOf(rows),
    findings: findingsOf(evidence, "batch norm", rows),
    intervals,
    verdict: verdictOf(holds),
    why: whyOf(rows, holds),
    pictures,
    tables: ["variants.csv", "runs.csv"],
  };
}

/** Channel dropout spreads it at the layer that it acts on. */
export function dropoutClaim(evidence: Evidence): Claim {
  const rows = [compareWithPlain(evidence, "channel dropout", "conv5")];
  const holds = rows.flatMap(({ max, split }) => [max.high < 0, split.high < 0]);
  return {
    id: "dropout-conv5",
    title: "Dropout of units spreads class information at its layer",
    where: "Figure 8",
    paper: "With dropout on the last convolution, removing one of its units damages single classes less.",
    rule: "At conv5 the mean max class drop is smaller than in the plain networks, with an interval below 0, and so is the split-half drop; in part: one of the two.",
    headline: headlineOf(rows),
    findings: findingsOf(evidence, "channel dropout", rows),
    intervals,
    verdict: verdictOf(holds),
    why: whyOf(rows, [holds.every(Boolean)]),
    pictures,
    tables: ["variants.csv", "runs.csv"],
  };
}

/** The layer below makes up for it. */
export function compensationClaim(evidence: Evidence): Claim {
  const rows = [compareWithPlain(evidence, "channel dropout", "conv4")];
  const holds = rows.flatMap(({ max, split }) => [max.low > 0, split.low > 0]);
  return {
    id: "dropout-conv4",
    title: "The layer below the dropout becomes more class-specific",
    where: "Figure 8",
    paper: "With dropout on the last convolution, units of the convolution before it matter more to single classes.",
    rule: "At conv4 the mean max class drop is larger than in the plain networks, with an interval above 0, and so is the split-half drop; in part: one of the two.",
    headline: headlineOf(rows),
    findings: findingsOf(evidence, "channel dropout", rows),
    intervals,
    verdict: verdictOf(holds),
    why: whyOf(rows, [holds.every(Boolean)]),
    pictures,
    tables: ["variants.csv", "runs.csv"],
  };
}

/** Fewer concept detectors where information is spread. */
export function detectorsClaim(evidence: Evidence): Claim {
  const variants = ["batch norm", "channel dropout"] as const;
  const rows = variants.flatMap((variant) =>
    comparedLayers.map((layer) => ({
      variant,
      layer,
      plain: nestedBootstrap(detectors(evidence, "plain", layer)),
      other: nestedBootstrap(detectors(evidence, variant, layer)),
      difference: nestedBootstrap(detectors(evidence, variant, layer), detectors(evidence, "plain", layer)),
    })),
  );
  const conv5 = rows.filter(({ layer }) => layer === "conv5");
  const holds = conv5.map(({ difference }) => difference.high < 0);
  return {
    id: "detectors",
    title: "Batch norm and dropout leave fewer concept detectors",
    where: "Figure 9",
    paper: "Networks trained with batch norm or dropout have fewer units that detect a concept.",
    rule: "At conv5 the share of units that detect a concept (IoU above 0.04) is smaller than in the plain networks, with an interval below 0, for both; in part: for one.",
    headline: conv5
      .map(({ variant, difference }) => `conv5, ${variant}: ${inWords(difference)} beside plain`)
      .join("; "),
    findings: rows.flatMap(({ variant, layer, plain, other, difference }, at): Finding[] => [
      ...(at < comparedLayers.length
        ? [finding(`plain, ${layer}`, "units that detect a concept", "percent", plain)]
        : []),
      finding(`${variant}, ${layer}`, "units that detect a concept", "percent", other),
      finding(`${variant}, ${layer}`, "difference from plain", "points", difference),
    ]),
    intervals,
    verdict: verdictOf(holds),
    why: "The concepts are the built-in ones (rendered textures, shapes, objects and colours at 32×32), not Broden: a unit of a CIFAR-10 network that responds to animals or vehicles has no name in either at this size. Few detectors mean wide intervals.",
    pictures: comparedLayers.map((layer) => ({
      file: `detectors-${layer}.svg`,
      shows: `concept detectors of ${layer} by category, for three ways of training`,
    })),
    tables: ["variants.csv", "runs.csv"],
  };
}

interface Comparison {
  readonly layer: string;
  /** Differences from plain. */
  readonly max: Estimate;
  readonly split: Estimate;
}

function compareWithPlain(evidence: Evidence, variant: Variant, layer: string): Comparison {
  const difference = (measure: Measure): Estimate =>
    nestedBootstrap(valuesOf(evidence, variant, layer, measure), valuesOf(evidence, "plain", layer, measure));
  return { layer, max: difference("max_class_drop"), split: difference("split_half_drop") };
}

function findingsOf(evidence: Evidence, variant: Variant, rows: readonly Comparison[]): Finding[] {
  return rows.flatMap(({ layer, max, split }): Finding[] => [
    ...(["plain", variant] as const).flatMap((each): Finding[] => {
      const row = `${each}, ${layer}`;
      const mean = (column: string): Estimate => nestedBootstrap(valuesOf(evidence, each, layer, column));
      return [
        finding(row, "mean max class drop", "points", mean("max_class_drop")),
        count(row, "by chance alone", "points", mean("max_class_null").value),
        finding(row, "without the luck of choosing", "points", mean("split_half_drop")),
      ];
    }),
    finding(`difference, ${layer}`, "mean max class drop", "points", max),
    finding(`difference, ${layer}`, "without the luck of choosing", "points", split),
  ]);
}

function headlineOf(rows: readonly Comparison[]): string {
  return rows.map(({ layer, max }) => `${layer}: ${inWords(max)} beside plain`).join("; ");
}

function whyOf(rows: readonly Comparison[], holds: readonly boolean[]): string {
  const words = rows.map(
    ({ layer, max, split }) =>
      `at ${layer} the mean max class drop differs from plain by ${signed(max.value)} points, without luck by ${signed(split.value)}`,
  );
  const caution = holds.every(Boolean)
    ? ""
    : " The networks differ in accuracy, too, and a network with more images near the decision loses more of them by chance; two seeds of a variant are few.";
  return `${words.join("; ").replace(/^a/, "A")}.${caution}`;
}

function valuesOf(evidence: Evidence, variant: Variant, layer: string, column: string): Float64Array[] {
  return networksOf(evidence, variant).map((network) => unitValues(network, layer, column));
}

function detectors(evidence: Evidence, variant: Variant, layer: string): Float64Array[] {
  return valuesOf(evidence, variant, layer, "concept_iou").map((values) => values.map((iou) => Number(iou > 0.04)));
}

function signed(fraction: number): string {
  return `${fraction < 0 ? "−" : "+"}${points(Math.abs(fraction))}`;
}
