/** Figures 8 and 9: what batch norm and channel dropout do to units. */

import type { Estimate } from "../../stats/nested-bootstrap.ts";
import { networkInterval } from "../../stats/network-interval.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import { comparedLayers, type Variant } from "../studies.ts";
import { type Claim, claim, count, type Finding, finding, inWords, listed, points } from "./claim.ts";
import { isNegative, isPositive, type Judged, type Outcome } from "./judgement.ts";
import { estimateOf, mean, meansOf, placeOf } from "./places.ts";
import type { ClaimId } from "./rules.ts";

const pictures = [
  { file: "max-class-drops.svg", shows: "max class drops of every unit, for three ways of training" },
] as const;

/** Units at the head of a sorted curve. */
const largestCount = 10;

interface Spread {
  readonly id: ClaimId;
  readonly variant: Variant;
  readonly layers: readonly string[];
  /** The way in which the variant should differ from plain. */
  readonly direction: "smaller" | "larger";
  /** Whether the most damaging units are a statement of their own. */
  readonly strongest: boolean;
  /** Whether the paper calls the effect great: drops of at most half of the plain ones hold, others are weaker. */
  readonly isGreat?: boolean;
}

/** Batch norm spreads class information over units. */
export function batchNormClaim(evidence: Evidence): Claim {
  return spreadClaim(evidence, {
    id: "batch-norm",
    variant: "batch norm",
    layers: comparedLayers,
    direction: "smaller",
    strongest: false,
  });
}

/** Channel dropout spreads it at the layer that it acts on. */
export function dropoutClaim(evidence: Evidence): Claim {
  return spreadClaim(evidence, {
    id: "dropout-conv5",
    variant: "channel dropout",
    layers: ["conv5"],
    direction: "smaller",
    strongest: true,
    isGreat: true,
  });
}

/** The layer below makes up for it. */
export function compensationClaim(evidence: Evidence): Claim {
  return spreadClaim(evidence, {
    id: "dropout-conv4",
    variant: "channel dropout",
    layers: ["conv4"],
    direction: "larger",
    strongest: true,
  });
}

/** Fewer concept detectors where information is spread. */
export function detectorsClaim(evidence: Evidence): Claim {
  const variants = (["batch norm", "channel dropout"] as const).filter(
    (variant) => networksOf(evidence, variant).length > 0,
  );
  const rows = variants.flatMap((variant) =>
    comparedLayers.map((layer) => {
      const [own, plain] = [detectors(evidence, variant, layer), detectors(evidence, "plain", layer)];
      return {
        variant,
        layer,
        plain: networkInterval(plain),
        other: networkInterval(own),
        difference: networkInterval(own, { against: plain }),
      };
    }),
  );
  const conv5 = rows.filter(({ layer }) => layer === "conv5");
  return claim("detectors", {
    headline: conv5
      .map(({ variant, difference }) => `conv5, ${variant}: ${inWords(difference)} beside plain`)
      .join("; "),
    findings: [
      ...comparedLayers.map((layer) =>
        finding(
          `plain, ${layer}`,
          "units that detect a concept",
          "percent",
          networkInterval(detectors(evidence, "plain", layer)),
        ),
      ),
      ...rows.flatMap(({ variant, layer, other, difference }): Finding[] => [
        finding(`${variant}, ${layer}`, "units that detect a concept", "percent", other),
        finding(`${variant}, ${layer}`, "difference from plain", "points", difference),
      ]),
    ],
    intervals: intervalsOf(evidence, variants),
    judged:
      conv5.length === 0
        ? [{ place: "conv5", statement: "", outcome: "unasked" }]
        : conv5.map(({ variant, difference }) => ({
            place: variant,
            statement: "",
            outcome: networksOf(evidence, variant).length > 1 ? isNegative(difference) : "open",
          })),
    why: detectorsWhy(evidence),
    pictures: comparedLayers.map((layer) => ({
      file: `detectors-${layer}.svg`,
      shows: `concept detectors of ${layer} by category, for three ways of training`,
    })),
    tables: ["variants.csv", "runs.csv", "networks-units.csv"],
  });
}

/** What the threshold of the paper counts here. */
function detectorsWhy({ main }: Evidence): string {
  const concepts =
    "The concepts are the built-in ones (rendered textures, shapes, objects with parts, and colours), not Broden's photographs.";
  if (!("concept_null_iou" in main.units.columns)) return concepts;
  const [iou, chance, found] = (["concept_iou", "concept_null_iou", "real_detector"] as const).map((column) =>
    unitValues(main, "conv5", column),
  ) as [Float64Array, Float64Array, Float64Array];
  const counted = iou.filter((each) => each > 0.04).length;
  return `${concepts} The threshold counts units near chance: at conv5 of ${main.name} a unit's best concept reaches an IoU of ${mean(chance).toFixed(3)} by chance alone (shuffled masks), ${counted} of ${iou.length} units reach 0.04, and ${found.filter((each) => each === 1).length} of these are beyond chance at 5 % false discoveries. So what is compared is a count by the paper's threshold, not of detectors beyond chance.`;
}

function spreadClaim(
  evidence: Evidence,
  { id, variant, layers, direction, strongest, isGreat = false }: Spread,
): Claim {
  const count = networksOf(evidence, variant).length;
  const rows = count === 0 ? [] : layers.map((layer) => ({ layer, ...differences(evidence, variant, layer) }));
  const decide = direction === "smaller" ? isNegative : isPositive;
  // One network of a kind says nothing about its like.
  const outcomeOf = (difference: Estimate, fromHalf: Estimate): Outcome => {
    if (count < 2) return "open";
    const outcome = decide(difference);
    if (outcome !== "holds" || !isGreat || decide(fromHalf) === "holds") return outcome;
    return decide(fromHalf) === "against" ? "weaker" : "open";
  };
  const judged = rows.flatMap(({ layer, split, splitFromHalf, largest, largestFromHalf }): Judged[] => [
    { place: layer, statement: strongest ? "mean" : "", outcome: outcomeOf(split, splitFromHalf) },
    ...(strongest
      ? [
          {
            place: layer,
            statement: `the ${largestCount} most damaging units`,
            outcome: outcomeOf(largest, largestFromHalf),
          },
        ]
      : []),
  ]);
  return claim(id, {
    headline: rows.map(({ layer, split }) => `${layer}: ${inWords(split)} beside plain`).join("; "),
    findings: findingsOf(evidence, variant, rows),
    intervals: `${intervalsOf(evidence, [variant])}. The mean's are over images too; the ${largestCount} most damaging units, those with the largest drops on these images (of a class that was chosen on others), over networks only`,
    judged: judged.length > 0 ? judged : [{ place: layers.join(", "), statement: "", outcome: "unasked" }],
    why: `Mean accuracy: ${(["plain", variant] as const)
      .filter((each) => networksOf(evidence, each).length > 0)
      .map((each) => `${points(mean(networksOf(evidence, each).map(({ accuracy }) => accuracy)), 1)} % ${each}`)
      .join(", ")}; a network with more images near the decision may lose more of them by chance.`,
    pictures,
    tables: ["variants.csv", "runs.csv", "networks-units.csv"],
  });
}

/** A variant's drops beyond those of plain networks, and beyond half of those. */
interface Difference {
  readonly split: Estimate;
  readonly splitFromHalf: Estimate;
  readonly largest: Estimate;
  readonly largestFromHalf: Estimate;
}

function differences(evidence: Evidence, variant: Variant, layer: string): Difference {
  const [place, plain] = [placeOf(evidence, variant, layer), placeOf(evidence, "plain", layer)];
  const [means, against] = [meansOf(place, "split_half_drop"), meansOf(plain, "split_half_drop")];
  const beyond = (share: number): Estimate =>
    estimateOf(place, { means, measure: { of: "ofClass" }, against: { means: against, place: plain, share } });
  const [own, others] = [largestOf(evidence, variant, layer), largestOf(evidence, "plain", layer)];
  return {
    split: beyond(1),
    splitFromHalf: beyond(0.5),
    largest: networkInterval(own, { against: others }),
    largestFromHalf: networkInterval(own, { against: others.map((each) => each / 2) }),
  };
}

/** Mean drop of each network's most damaging units, without the luck of choosing the class. */
function largestOf(evidence: Evidence, variant: Variant, layer: string): number[] {
  return networksOf(evidence, variant).map((network) => {
    const drops = unitValues(network, layer, "split_half_drop").filter((value) => !Number.isNaN(value));
    return mean(drops.sort().subarray(-largestCount));
  });
}

function findingsOf(
  evidence: Evidence,
  variant: Variant,
  rows: readonly ({ layer: string } & Pick<Difference, "split" | "largest">)[],
): Finding[] {
  return rows.flatMap(({ layer, split, largest }): Finding[] => [
    ...(["plain", variant] as const).flatMap((each): Finding[] => {
      const row = `${each}, ${layer}`;
      const place = placeOf(evidence, each, layer);
      const splits = meansOf(place, "split_half_drop");
      return [
        count(row, "mean max class drop", "points", mean(meansOf(place, "max_class_drop"))),
        count(row, "by chance alone", "points", mean(meansOf(place, "max_class_null"))),
        finding(
          row,
          "without the luck of choosing",
          "points",
          estimateOf(place, { means: splits, measure: { of: "ofClass" } }),
        ),
        count(row, "smallest network", "points", Math.min(...splits)),
        count(row, "largest network", "points", Math.max(...splits)),
        finding(
          row,
          `the ${largestCount} most damaging units`,
          "points",
          networkInterval(largestOf(evidence, each, layer)),
        ),
      ];
    }),
    finding(`difference, ${layer}`, "without the luck of choosing", "points", split),
    finding(`difference, ${layer}`, `the ${largestCount} most damaging units`, "points", largest),
  ]);
}

function intervalsOf(evidence: Evidence, variants: readonly Variant[]): string {
  const counts = (["plain", ...variants] as const).map(
    (variant) => `${networksOf(evidence, variant).length} ${variant}`,
  );
  return `95 % over networks (Student's t; ${listed(counts)}). A variant with one network is open`;
}

/** Share of each network's units that detect a concept. */
function detectors(evidence: Evidence, variant: Variant, layer: string): number[] {
  return networksOf(evidence, variant).map((network) =>
    mean(unitValues(network, layer, "concept_iou").map((iou) => Number(iou > 0.04))),
  );
}
