/** An alignment as the columns and rows that a run's tables hold. */

import { benjaminiHochberg } from "../stats/false-discovery.ts";
import type { ConceptAlignment } from "./align-concepts.ts";
import { DETECTOR_IOU } from "./best-concepts.ts";

/** Column `attribute` of the rows that hold IoU vectors. */
export const CONCEPT_IOU = "concept_iou";

/** What the table `units` says about concepts, one value a unit; `null` where a unit has no best concept. */
export interface ConceptColumns {
  readonly concept: (string | null)[];
  readonly concept_category: (string | null)[];
  readonly concept_iou: number[];
  readonly concept_threshold: number[];
  /** 95 % quantile of the best IoU under the null that reaches higher. */
  readonly concept_null_iou: (number | null)[];
  /** The larger of the p-values against shuffled masks and against random units. */
  readonly concept_p_value: (number | null)[];
  /** Fraction of the concept's pixels that lie in the unit's region. */
  readonly concept_hit_rate: (number | null)[];
  /** Fraction of the other pixels of the category's images that lie in it. */
  readonly concept_false_alarm_rate: (number | null)[];
  readonly concept_auroc: (number | null)[];
  /** Benjamini–Hochberg over the layer's units. */
  readonly concept_q_value: (number | null)[];
  /** 1 for IoU > 0.04. */
  readonly detector: number[];
  /** 1 for a detector whose overlap is beyond chance at 5 % false discoveries; `null` without a null. */
  readonly real_detector: (number | null)[];
}

/** One unit's best concept in one category. */
export interface CategoryRow {
  readonly unit: number;
  readonly category: string;
  readonly concept: string;
  /** The number that the concept has in its source. */
  readonly index: number;
  readonly intersection: number;
  readonly union: number;
  readonly iou: number;
  readonly null_iou: number | null;
  readonly p_value: number | null;
  readonly hit_rate: number | null;
  readonly false_alarm_rate: number | null;
  readonly auroc: number | null;
}

/** One entry of a unit's IoU vector. */
export interface VectorRow {
  readonly unit: number;
  readonly index: number;
  readonly name: string;
  readonly value: number;
}

/** Detectors of one category. */
export interface CategoryDetectors {
  readonly category: string;
  /** Units that are detectors, by the category of their best concept. */
  readonly units: number;
  /** Different concepts that they detect. */
  readonly concepts: number;
  /** Each of those concepts with its units, the most first. */
  readonly detected: readonly { readonly concept: string; readonly units: readonly number[] }[];
}

/** The columns of the table `units`. */
export function conceptColumns(alignment: ConceptAlignment): ConceptColumns {
  const { best, concepts, auroc, thresholds } = alignment;
  const units = Array.from({ length: alignment.unitCount }, (_, unit) => unit);
  const conceptOf = (unit: number) => concepts[best.concept[unit]];
  const nulls = units.map((unit) => (conceptOf(unit) ? nullOf(alignment, unit) : noNull));
  const rates = units.map((unit) => ratesOf(alignment, unit, best.concept[unit]));
  const qValues = benjaminiHochberg(nulls.map(({ pValue }) => pValue ?? Number.NaN));
  const isDetector = (unit: number): boolean => best.iou[unit] > DETECTOR_IOU;
  return {
    concept: units.map((unit) => conceptOf(unit)?.name ?? null),
    concept_category: units.map((unit) => conceptOf(unit)?.category ?? null),
    concept_iou: [...best.iou],
    concept_threshold: [...thresholds],
    concept_null_iou: nulls.map(({ iou }) => iou),
    concept_p_value: nulls.map(({ pValue }) => pValue),
    concept_q_value: units.map((unit) => finiteOrNull(qValues[unit])),
    concept_hit_rate: rates.map(({ hit }) => hit),
    concept_false_alarm_rate: rates.map(({ falseAlarm }) => falseAlarm),
    concept_auroc: units.map((unit) => finiteOrNull(auroc?.[unit]?.value)),
    detector: units.map((unit) => Number(isDetector(unit))),
    // A unit without a best concept detects none, whatever there is to compare it with.
    real_detector: units.map((unit) => {
      if (nulls.every(({ pValue }) => pValue === null)) return null;
      return Number(isDetector(unit) && qValues[unit] <= REAL_Q);
    }),
  };
}

/** Every unit's best concept in every category where it has one. */
export function* categoryRows(alignment: ConceptAlignment): Generator<CategoryRow> {
  const { best, concepts, categories, counts, auroc } = alignment;
  for (let unit = 0; unit < alignment.unitCount; unit++) {
    for (const [category, name] of categories.entries()) {
      const place = unit * categories.length + category;
      const at = best.conceptIn[place];
      const concept = concepts[at];
      if (!concept) continue;
      const intersection = counts.intersections[unit * (concepts.length + 1) + at + 1];
      const { iou, pValue } = nullOf(alignment, unit, category);
      const { hit, falseAlarm } = ratesOf(alignment, unit, at);
      yield {
        unit,
        category: name,
        concept: concept.name,
        index: concept.number,
        intersection,
        union: counts.unitPixels[place] + counts.conceptPixels[at] - intersection,
        iou: best.iouIn[place],
        null_iou: iou,
        p_value: pValue,
        hit_rate: hit,
        false_alarm_rate: falseAlarm,
        auroc: best.concept[unit] === at ? finiteOrNull(auroc?.[unit]?.value) : null,
      };
    }
  }
}

/** The IoU of every unit with every concept. */
export function* vectorRows({ unitCount, concepts, iou }: ConceptAlignment): Generator<VectorRow> {
  for (let unit = 0; unit < unitCount; unit++) {
    for (const [at, { number, name }] of concepts.entries()) {
      yield { unit, index: number, name, value: iou[unit * concepts.length + at] };
    }
  }
}

/** False discoveries that detectors are called real at. */
const REAL_Q = 0.05;

/** Counts the detectors of every category of the set, those without any among them. */
export function detectorsByCategory({
  best,
  concepts,
  categories,
  categoryOf,
}: Pick<ConceptAlignment, "best" | "concepts" | "categories" | "categoryOf">): CategoryDetectors[] {
  return categories.map((category, index) => {
    const units = new Map<number, number[]>();
    best.concept.forEach((concept, unit) => {
      if (concept < 0 || categoryOf[concept] !== index || !(best.iou[unit] > DETECTOR_IOU)) return;
      units.set(concept, [...(units.get(concept) ?? []), unit]);
    });
    const detected = [...units]
      .sort(([a, unitsOfA], [b, unitsOfB]) => unitsOfB.length - unitsOfA.length || a - b)
      .map(([concept, detectors]) => ({ concept: concepts[concept]?.name ?? "", units: detectors }));
    return {
      category,
      units: detected.reduce((sum, { units: detectors }) => sum + detectors.length, 0),
      concepts: detected.length,
      detected,
    };
  });
}

/** How an IoU compares with a null. */
export interface NullComparison {
  /** 95 % quantile of the best IoU under the null; `null` without one. */
  readonly iou: number | null;
  /** (1 + draws that reach the unit's best IoU) / (1 + draws). */
  readonly pValue: number | null;
}

const noNull: NullComparison = { iou: null, pValue: null };

/**
 * Compares a unit's best IoU (in one category, if given) with what the same unit reaches on shuffled masks, and with
 * what random units reach, and returns the harder of the two.
 */
export function nullOf(alignment: ConceptAlignment, unit: number, category?: number): NullComparison {
  const shuffled = shuffledNull(alignment, unit, category);
  const random = randomNull(alignment, unit, category);
  if (shuffled.pValue === null || random.pValue === null) return shuffled.pValue === null ? random : shuffled;
  return {
    iou: Math.max(shuffled.iou ?? 0, random.iou ?? 0),
    pValue: Math.max(shuffled.pValue, random.pValue),
  };
}

/**
 * A unit's best IoU against its own with the label maps of other images: the sequential p-value, or, in one category, that
 * of the first 49 shuffles.
 */
export function shuffledNull(alignment: ConceptAlignment, unit: number, category?: number): NullComparison {
  const { best, shuffled, shuffledPValues } = alignment;
  const found = compare(
    bestIou(best, unit, category),
    shuffled.map((other) => bestIou(other, unit, category)),
  );
  return category === undefined && found.pValue !== null ? { ...found, pValue: shuffledPValues[unit] } : found;
}

/** A unit's best IoU against those of random units. */
export function randomNull({ best, random }: ConceptAlignment, unit: number, category?: number): NullComparison {
  const others = Array.from({ length: random?.unitCount ?? 0 }, (_, other) =>
    random ? bestIou(random, other, category) : 0,
  );
  return compare(bestIou(best, unit, category), others);
}

function bestIou({ iou, iouIn, categoryCount }: ConceptAlignment["best"], unit: number, category?: number): number {
  return category === undefined ? iou[unit] : iouIn[unit * categoryCount + category];
}

function compare(value: number, draws: number[]): NullComparison {
  if (draws.length === 0) return noNull;
  const ascending = draws.toSorted((a, b) => a - b);
  return {
    iou: ascending[Math.ceil(0.95 * ascending.length) - 1],
    pValue: (1 + draws.filter((draw) => draw >= value).length) / (1 + draws.length),
  };
}

/** Hit rate and false-alarm rate of a unit's region as a detector of a concept's pixels. */
function ratesOf(
  { counts, categoryOf, concepts }: ConceptAlignment,
  unit: number,
  concept: number,
): { hit: number | null; falseAlarm: number | null } {
  if (concept < 0) return { hit: null, falseAlarm: null };
  const category = categoryOf[concept];
  const both = counts.intersections[unit * (concepts.length + 1) + concept + 1];
  const region = counts.unitPixels[unit * counts.categoryCount + category];
  const inside = counts.conceptPixels[concept];
  const outside = counts.categoryPixels[category] - inside;
  return { hit: finiteOrNull(both / inside), falseAlarm: finiteOrNull((region - both) / outside) };
}

function finiteOrNull(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}
