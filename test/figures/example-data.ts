/** Made-up inputs of the figures, fixed by seeds, with the shapes that real ones have. */
import type { VariantDrops } from "../../src/figures/compare-drops.ts";
import type { DetectorCount, VariantDetectors } from "../../src/figures/detectors.ts";
import type { LayerDrops } from "../../src/figures/layer-drops.ts";
import type { RelatedAttribute, Relations } from "../../src/figures/relations.ts";
import type { BasisDrops, RotationDrops } from "../../src/figures/rotation.ts";
import type { SetCurves } from "../../src/figures/set-curves.ts";
import type { Region, UnitCard } from "../../src/figures/unit-card.ts";
import type { UnitClassDrops } from "../../src/figures/unit-drops.ts";
import { seededRandom } from "../../src/numeric/random.ts";

/** Class names of very different lengths, with characters that need escaping. */
export const longNames: readonly string[] = [
  "airplane",
  "Cardigan, Cardigan Welsh corgi",
  "black-and-tan coonhound <dog> & friends of the family with a long name",
  "cat",
  "amusement_park/roller coaster (outdoor, at night)",
  "dog",
  "教室",
  "frog",
  "horse",
  "truck",
];

/** Drops of a layer: most units do little, a few hurt one class much. */
export function exampleLayer(
  layer: string,
  unitCount: number,
  seed: number,
  {
    withNull = true,
    scale = 1,
    outliers = [],
  }: { withNull?: boolean; scale?: number; outliers?: readonly number[] } = {},
): LayerDrops {
  const random = seededRandom(seed);
  const max = Float64Array.from({ length: unitCount }, () => scale * (0.015 + 0.45 * random.uniform() ** 6));
  if (outliers.length > 0) for (const [unit, drop] of max.entries()) max[unit] = outliers[unit] ?? drop / 20;
  return {
    layer,
    max,
    overall: max.map((drop) => drop * 0.12 * random.uniform() - 0.002),
    min: max.map((drop) => -0.01 - drop * 0.3 * random.uniform()),
    ...(withNull && {
      null95: max.map((drop) => 0.012 + 0.05 * drop + 0.004 * random.uniform()),
      specificity95: max.map((drop) => 0.02 + 0.2 * drop + 0.006 * random.uniform()),
    }),
  };
}

/** A unit's drops over the long names, or over made-up classes when there should be more. */
export function exampleUnit(
  unit: number,
  classCount: number,
  seed: number,
  { tested = true }: { tested?: boolean } = {},
): UnitClassDrops {
  const random = seededRandom(seed);
  const classes = Array.from({ length: classCount }, (_, cls) => {
    const drop =
      cls % 7 === 3 ? Number.NaN : Math.round(1000 * (0.4 * random.uniform() ** 5 - 0.03 * random.uniform())) / 1000;
    return {
      name: classCount <= longNames.length ? longNames[cls] : `class number ${cls}`,
      drop: classCount <= longNames.length ? drop || 0.02 : drop,
      ...(tested && { qValue: Math.abs(drop) > 0.03 ? 0.001 : 0.6 }),
    };
  });
  return { layer: "conv5", unit, overall: 0.021, classes };
}

/** A unit that matters to a few of many classes; one class has no images. */
export function exampleSparseUnit(
  unit: number,
  classCount: number,
  { images = 50 }: { images?: number } = {},
): UnitClassDrops {
  const random = seededRandom(unit);
  const classes = Array.from({ length: classCount }, (_, cls) => {
    const changes = random.uniform() < 0.06;
    const drop = changes ? Math.round((random.uniform() ** 2 - 0.2) * images) / images : 0;
    return {
      name: `class number ${cls}`,
      drop: cls === 9 ? Number.NaN : drop,
      qValue: Math.abs(drop) > 0.5 ? 0.01 : 0.8,
    };
  });
  return { layer: "layer4", unit, overall: 0.004, classes };
}

/** Names that try to be something else. */
const hostileNames: readonly string[] = [
  "<script>alert(1)</script>",
  "\"quoted\" & 'single' </text></svg>",
  "\u05e2\u05d1\u05e8\u05d9\u05ea right to left \u202eoverride",
  "x".repeat(80),
  "two\nlines, a\ttab and \u0000",
  "-->]]>&amp;",
  "\ud800 alone",
];

/** A unit whose classes have hostile names. */
export function exampleHostileUnit(): UnitClassDrops {
  const classes = hostileNames.map((name, at) => ({ name, drop: 0.3 - 0.05 * at, qValue: at < 3 ? 0.01 : 0.5 }));
  return { layer: '<b>"conv5"</b>', unit: 1, overall: 0.02, classes };
}

/** Figure 4 of many classes, of which the last `alike` have one curve. */
export function exampleClassCurves(classCount: number, { alike = 0 }: { alike?: number } = {}): SetCurves {
  return {
    ...exampleSetCurves(),
    classes: Array.from({ length: classCount }, (_, cls) => ({
      className: `class number ${cls}`,
      accuracy:
        cls >= classCount - alike
          ? fallingCurve(0.8, 0.04, 20, 7)
          : fallingCurve(0.8, 0.02 + 0.01 * (cls % 23), 20, cls),
    })),
  };
}

/** Accuracy that falls from `start` by a share at every step. */
export function fallingCurve(start: number, share: number, steps: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const curve = new Float64Array(steps + 1);
  curve[0] = start;
  for (let step = 1; step <= steps; step++) curve[step] = curve[step - 1] * (1 - share * (0.5 + random.uniform()));
  return curve;
}

/** Figure 4 of ten classes over twenty steps. */
export function exampleSetCurves(): SetCurves {
  const random = fallingCurve(0.8, 0.01, 20, 91);
  return {
    layer: "conv5",
    classes: longNames.map((className, cls) => ({
      className,
      accuracy: fallingCurve(0.9 - cls * 0.02, 0.08 + 0.03 * cls, 20, cls),
    })),
    averages: [
      { label: "greedy", accuracy: fallingCurve(0.8, 0.2, 20, 92) },
      { label: "ranked once by class drop", accuracy: fallingCurve(0.8, 0.15, 20, 93) },
      { label: "ranked once by class_selectivity", accuracy: fallingCurve(0.8, 0.09, 20, 94) },
      {
        label: "random, 100 sequences",
        accuracy: random,
        low: random.map((v) => v - 0.03),
        high: random.map((v) => v + 0.03),
      },
      { label: "keep only the best", accuracy: fallingCurve(0.8, 0.2, 20, 95).map((v) => 0.8 - v), isKept: true },
    ],
    rankSplit: 0.5,
    chance: 0.1,
    bandHolds: "the central 95 % of 100 random sequences",
  };
}

/** Figure 5 of four attributes. */
export function exampleRelations(unitCount: number, seed: number, { outlier }: { outlier?: number } = {}): Relations {
  const random = seededRandom(seed);
  const { max, overall } = exampleLayer("conv5", unitCount, seed);
  const attribute = (name: string, scale: number, weight: number): RelatedAttribute => {
    const slope = weight / scale;
    return {
      name,
      values: Float64Array.from(max as Float64Array, (drop, unit) =>
        unit === 3 && outlier !== undefined ? outlier : scale * (0.3 + drop + 0.4 * random.uniform()),
      ),
      overall: { pearson: 0.12, low: -0.08, high: 0.31, slope: slope * 0.1, intercept: 0 },
      max: { pearson: 0.62, low: 0.48, high: 0.73, slope, intercept: -0.3 * weight },
    };
  };
  return {
    layer: "conv5",
    overall,
    max,
    attributes: [
      attribute("l1_norm", 40, 0.3),
      attribute("class_correlation", 0.6, 0.5),
      attribute("class_selectivity", 0.9, 0.6),
      { name: "concept_iou", values: new Float64Array(unitCount).fill(0.02) },
    ],
  };
}

/** Figure 7 of one layer with ten random bases and one half-way rotation. */
export function exampleRotation(layer: string, unitCount: number): RotationDrops {
  const drops = (seed: number, spread: number): { max: Float64Array; overall: Float64Array } => {
    const { max, overall } = exampleLayer(layer, unitCount, seed);
    return {
      max: Float64Array.from(max, (v) => 0.02 + spread * v),
      overall: Float64Array.from(overall, (v) => v * spread),
    };
  };
  const basis = (label: string, seeds: number, spread: number): BasisDrops => {
    const all = Array.from({ length: seeds }, (_, seed) => drops(seed + 10, spread));
    return { label, max: all.map(({ max }) => max), overall: all.map(({ overall }) => overall) };
  };
  return {
    layer,
    bases: [
      basis("units", 1, 1),
      basis("random directions (t = 1)", 10, 0.3),
      basis("rotated half way (t = 0.5)", 3, 0.6),
      basis("principal components", 1, 0.8),
    ],
  };
}

/** Figure 7 of two layers: one with a single rotation and a unit far out, one with several rotations. */
export function exampleUnevenRotation(): RotationDrops[] {
  const [conv4, conv5] = ["conv4", "conv5"].map((layer) => exampleRotation(layer, 60)) as [
    RotationDrops,
    RotationDrops,
  ];
  const first = ({ label, max, overall }: BasisDrops): BasisDrops => ({
    label,
    max: max.slice(0, 1).map((drops) => Float64Array.from(drops, (drop, unit) => (unit === 3 ? 20 * drop : drop / 10))),
    overall: overall.slice(0, 1),
  });
  return [{ ...conv4, bases: conv4.bases.slice(0, 2).map(first) }, conv5];
}

/** Figure 8 of three ways of training. */
export function exampleVariants(): VariantDrops[] {
  const seeds = (layer: string, count: number, spread: number): Float64Array[] =>
    Array.from({ length: count }, (_, seed) =>
      Float64Array.from(exampleLayer(layer, 96, seed + 30).max, (v) => v * spread),
    );
  return [
    { variant: "plain", layers: { conv4: seeds("conv4", 5, 0.8), conv5: seeds("conv5", 5, 1) } },
    { variant: "batch norm", layers: { conv4: seeds("conv4", 1, 0.4), conv5: seeds("conv5", 1, 0.5) } },
    { variant: "channel dropout on conv5", layers: { conv4: seeds("conv4", 1, 0.9), conv5: seeds("conv5", 1, 0.3) } },
  ];
}

/** Figure 9 of three ways of training. */
export function exampleDetectors(): VariantDetectors[] {
  const categories = ["object", "part", "scene", "texture", "material", "colour"];
  const network = (scale: number): DetectorCount[] =>
    categories.map((category, at) => ({
      category,
      concepts: Math.round(scale * (12 - 2 * at)),
      units: Math.round(scale * (20 - 3 * at)),
    }));
  return [
    { variant: "plain", networks: [1, 0.9, 1.2, 1.1, 0.8].map(network) },
    { variant: "batch norm", networks: [network(0.5)] },
    { variant: "channel dropout on conv5", networks: [network(0.7)] },
  ];
}

/** A two-by-two picture, red, green, blue and white. */
const picture =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVQImWP4z8DAsICBgYHh/////wEclwWc9/kdUQAAAABJRU5ErkJggg==";

/** Figure 1 of a unit with `imageCount` pictures in each row. */
export function exampleCard(imageCount: number): UnitCard {
  const region = (seed: number): Region => ({
    width: 16,
    height: 16,
    inside: Uint8Array.from({ length: 256 }, (_, cell) => {
      const [x, y] = [cell % 16, Math.floor(cell / 16)];
      const ring = Math.hypot(x - 6 - seed, y - 7) < 5 && Math.hypot(x - 6 - seed, y - 7) > 1.5;
      return ring || (x > 12 && y > 12) ? 1 : 0;
    }),
  });
  const name = (at: number): string => longNames[at % longNames.length];
  const { classes } = exampleUnit(31, 10, 2);
  return {
    layer: "conv5",
    unit: 31,
    overall: 0.0123,
    top: Array.from({ length: imageCount }, (_, at) => ({
      href: picture,
      pixels: 2,
      label: name(at),
      region: region(at % 4),
    })),
    hurt: Array.from({ length: imageCount }, (_, at) => ({
      href: picture,
      pixels: 2,
      label: name(at),
      before: name(at),
      after: name(at + 3),
    })),
    attributes: [
      { name: "L1 norm", value: "31.2" },
      { name: "class selectivity", value: "0.61 (Cardigan, Cardigan Welsh corgi); by chance 0.12" },
      { name: "class correlation", value: "0.38 (dog)" },
      { name: "silent on", value: "12 % of images" },
      { name: "concept", value: "dotted (texture), IoU 0.07, detector" },
    ],
    classes,
  };
}
