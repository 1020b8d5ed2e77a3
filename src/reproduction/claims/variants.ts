/** Figures 8 and 9: what batch norm and channel dropout do to units. */
import { type Estimate, nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import { comparedLayers, type Variant } from "../networks.ts";
import { type Claim, count, type Finding, finding, heldOf, inWords, points, verdictOf } from "./claim.ts";

const pictures = [
  { file: "max-class-drops.svg", shows: "max class drops of every unit, for three ways of training" },
] as const;

type Measure = "max_class_drop" | "split_half_drop";
/** The way in which a variant should differ from plain. */
type Direction = "smaller" | "larger";

/** Batch norm spreads class information over units. */
export function batchNormClaim(evidence: Evidence): Claim {
  return spreadClaim(evidence, {
    id: "batch-norm",
    variant: "batch norm",
    layers: comparedLayers,
    direction: "smaller",
    title: "Batch norm spreads class information over units",
    paper: "With batch norm on every convolution, removing one unit damages single classes less.",
  });
}

/** Channel dropout spreads it at the layer that it acts on. */
export function dropoutClaim(evidence: Evidence): Claim {
  return spreadClaim(evidence, {
    id: "dropout-conv5",
    variant: "channel dropout",
    layers: ["conv5"],
    direction: "smaller",
    title: "Dropout of units spreads class information at its layer",
    paper: "With dropout on the last convolution, removing one of its units damages single classes less.",
  });
}

/** The layer below makes up for it. */
export function compensationClaim(evidence: Evidence): Claim {
  return spreadClaim(evidence, {
    id: "dropout-conv4",
    variant: "channel dropout",
    layers: ["conv4"],
    direction: "larger",
    title: "The layer below the dropout becomes more class-specific",
    paper: "With dropout on the last convolution, units of the convolution before it matter more to single classes.",
  });
}

/** Fewer concept detectors where information is spread. */
export function detectorsClaim(evidence: Evidence): Claim {
  const variants = ["batch norm", "channel dropout"] as const;
  const rows = variants.flatMap((variant) =>
    comparedLayers.map((layer) => {
      const [own, plain] = [detectors(evidence, variant, layer), detectors(evidence, "plain", layer)];
      return {
        variant,
        layer,
        plain: nestedBootstrap(plain),
        other: nestedBootstrap(own),
        difference: nestedBootstrap(own, plain),
        isApart: areApart(own, plain, "smaller"),
      };
    }),
  );
  const conv5 = rows.filter(({ layer }) => layer === "conv5");
  const holds = conv5.map(({ difference, isApart }) => difference.high < 0 && isApart);
  return {
    id: "detectors",
    title: "Batch norm and dropout leave fewer concept detectors",
    where: "Figure 9",
    paper: "Networks trained with batch norm or dropout have fewer units that detect a concept.",
    rule: "At conv5, the share of units that detect a concept (IoU above 0.04) is smaller in every network of the variant than in every plain one, with an interval of the difference below 0. Same: for both variants.",
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
    intervals: intervalsOf(evidence, variants),
    verdict: verdictOf(holds),
    held: heldOf(holds),
    why: `At conv5 ${[
      `${points(conv5[0]?.plain.value ?? Number.NaN, 1)} % of the plain networks' units detect a concept`,
      ...conv5.map(({ variant, other }) => `${points(other.value, 1)} % with ${variant}`),
    ].join(
      ", ",
    )}. The concepts are the built-in ones (rendered textures, shapes, objects with parts, and colours), not Broden's photographs.`,
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
  /** Whether every network of the variant lies on the expected side of every plain one. */
  readonly isApart: boolean;
}

interface Spread {
  readonly id: string;
  readonly variant: Variant;
  readonly layers: readonly string[];
  readonly direction: Direction;
  readonly title: string;
  readonly paper: string;
}

function spreadClaim(evidence: Evidence, { id, variant, layers, direction, title, paper }: Spread): Claim {
  const rows = layers.map((layer): Comparison => {
    const [own, plain] = [variant, "plain" as const].map(
      (each) => (measure: Measure) => valuesOf(evidence, each, layer, measure),
    ) as [(measure: Measure) => Float64Array[], (measure: Measure) => Float64Array[]];
    return {
      layer,
      max: nestedBootstrap(own("max_class_drop"), plain("max_class_drop")),
      split: nestedBootstrap(own("split_half_drop"), plain("split_half_drop")),
      isApart: areApart(own("max_class_drop"), plain("max_class_drop"), direction),
    };
  });
  const isClear = ({ low, high }: Estimate): boolean => (direction === "smaller" ? high < 0 : low > 0);
  const holds = rows.flatMap(({ max, split, isApart }) => [isClear(max) && isApart, isClear(split)]);
  // One measure that clearly says the opposite outweighs one that agrees.
  const isContrary = rows.some(({ max, split }) =>
    [max, split].some(({ low, high }) => (direction === "smaller" ? low > 0 : high < 0)),
  );
  const side = direction === "smaller" ? "below" : "above";
  return {
    id,
    title,
    where: "Figure 8",
    paper,
    rule: `At ${layers.join(" and ")}, the mean max class drop is ${direction} in every network of the variant than in every plain one, with an interval of the difference ${side} 0; and so is, with an interval ${side} 0, the drop without the luck of choosing (split half). Same: all of it.`,
    headline: rows.map(({ layer, max }) => `${layer}: ${inWords(max)} beside plain`).join("; "),
    findings: findingsOf(evidence, variant, rows),
    intervals: intervalsOf(evidence, [variant]),
    verdict: isContrary ? "not the same" : verdictOf(holds),
    held: heldOf(holds),
    why: `${rows.map(({ layer, max, split, isApart }) => describe(variant, layer, { max, split, isApart })).join("; ")}. Mean accuracy: ${(["plain", variant] as const).map((each) => `${points(meanAccuracy(evidence, each), 1)} % ${each}`).join(", ")}; a network with more images near the decision may lose more of them by chance. The ${largestCount} most damaging units of ${layers.at(-1)} cost their class ${(["plain", variant] as const).map((each) => `${points(meanOfLargest(evidence, each, layers.at(-1) as string))} points ${each}`).join(", ")}, without the luck of choosing the class.`,
    pictures,
    tables: ["variants.csv", "runs.csv"],
  };
}

/** Units at the head of a sorted curve. */
const largestCount = 10;

/** Mean max class drop of each network's most damaging units, without the luck of choosing the class. */
function meanOfLargest(evidence: Evidence, variant: Variant, layer: string): number {
  const drops = valuesOf(evidence, variant, layer, "split_half_drop");
  const means = drops.map((values) => {
    const largest = values
      .filter((value) => !Number.isNaN(value))
      .sort()
      .subarray(-largestCount);
    return largest.reduce((sum, value) => sum + value, 0) / largest.length;
  });
  return means.reduce((sum, value) => sum + value, 0) / means.length;
}

function describe(variant: Variant, layer: string, { max, split, isApart }: Omit<Comparison, "layer">): string {
  return `${layer}: the mean max class drop with ${variant} differs from plain by ${signed(max.value)} points, without the luck of choosing by ${signed(split.value)}; the networks of the two ${isApart ? "do not overlap" : "overlap, or lie the other way"}`;
}

function findingsOf(evidence: Evidence, variant: Variant, rows: readonly Comparison[]): Finding[] {
  return rows.flatMap(({ layer, max, split }): Finding[] => [
    ...(["plain", variant] as const).flatMap((each): Finding[] => {
      const row = `${each}, ${layer}`;
      const mean = (column: string): Estimate => nestedBootstrap(valuesOf(evidence, each, layer, column));
      const networks = valuesOf(evidence, each, layer, "max_class_drop").map(
        (values) => nestedBootstrap([values]).value,
      );
      return [
        finding(row, "mean max class drop", "points", mean("max_class_drop")),
        count(row, "smallest network", "points", Math.min(...networks)),
        count(row, "largest network", "points", Math.max(...networks)),
        count(row, "by chance alone", "points", mean("max_class_null").value),
        finding(row, "without the luck of choosing", "points", mean("split_half_drop")),
        count(row, `the ${largestCount} largest units`, "points", meanOfLargest(evidence, each, layer)),
      ];
    }),
    finding(`difference, ${layer}`, "mean max class drop", "points", max),
    finding(`difference, ${layer}`, "without the luck of choosing", "points", split),
  ]);
}

/** Whether every network of one group lies on one side of every network of the other. */
function areApart(own: readonly Float64Array[], plain: readonly Float64Array[], direction: Direction): boolean {
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return own.every((mine) =>
    plain.every((theirs) => (direction === "smaller" ? mean(mine) < mean(theirs) : mean(mine) > mean(theirs))),
  );
}

function intervalsOf(evidence: Evidence, variants: readonly Variant[]): string {
  const counts = (["plain", ...variants] as const).map(
    (variant) => `${networksOf(evidence, variant).length} ${variant}`,
  );
  return `95 % bootstrap over networks (${counts.join(", ")}) and over the units of each, the test images held fixed; so few networks say little about further ones, which is why all of them must agree`;
}

function valuesOf(evidence: Evidence, variant: Variant, layer: string, column: string): Float64Array[] {
  return networksOf(evidence, variant).map((network) => unitValues(network, layer, column));
}

function detectors(evidence: Evidence, variant: Variant, layer: string): Float64Array[] {
  return valuesOf(evidence, variant, layer, "concept_iou").map((values) => values.map((iou) => Number(iou > 0.04)));
}

function meanAccuracy(evidence: Evidence, variant: Variant): number {
  const found = networksOf(evidence, variant);
  return found.reduce((sum, { accuracy }) => sum + accuracy, 0) / found.length;
}

function signed(fraction: number): string {
  return `${fraction < 0 ? "−" : "+"}${points(Math.abs(fraction))}`;
}
