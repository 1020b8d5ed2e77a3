/** Everything about a unit that needs labels or probabilities, from its pooled responses to all images. */
import type { Session } from "../runtime/session.ts";
import { bestClass } from "./best-class.ts";
import { classCorrelation, standardize } from "./class-correlation.ts";
import { type ClassScalar, classSelectivity, selectivityScalar } from "./class-selectivity.ts";
import { shuffledCorrelations } from "./correlation-null.ts";
import { type NullSummary, shuffledScalars, summarizeNull } from "./label-nulls.ts";
import { aucFromRankSums, midRanks } from "./roc-auc.ts";

/** What all units share. */
export interface Labelling {
  /** Class of every image, `[imageCount]`. */
  readonly labels: Int32Array;
  readonly classCount: number;
  /** From `standardizedColumns`, `[classCount, imageCount]`. */
  readonly probabilityColumns: Float64Array;
  /** The same as float32 `[imageCount, classCount]`; needed for the correlation's null only. */
  readonly probabilityRows: Float32Array;
}

/** How the nulls are drawn. */
export interface NullOptions {
  /** Shuffles per null; 0 for none. */
  readonly shuffles: number;
  /** From `shuffler`. */
  readonly orders: (shuffle: number) => Int32Array;
}

/** One attribute with a vector over classes, for several units. Plain data. */
export interface ClassAttribute {
  /** Row-major `[unitCount, classCount]`; `NaN` where undefined. */
  readonly vector: Float64Array;
  /** The scalar and its class (-1: none), `[unitCount]`. */
  readonly scalar: Float64Array;
  readonly cls: Int32Array;
  /** Under shuffled labels or images, `[unitCount]`; `NaN` where the scalar is undefined or no shuffle was asked for. */
  readonly nullMean: Float64Array;
  readonly null95: Float64Array;
  readonly pValue: Float64Array;
}

/** The attributes of several units of one layer. */
export interface UnitDescriptions {
  readonly selectivity: ClassAttribute;
  readonly correlation: ClassAttribute;
  readonly auc: ClassAttribute;
}

/**
 * Describes units.
 *
 * @param pooled float64, row-major `[unitCount, imageCount]`; read only.
 * @param product from `openProduct`; needed for the correlation's null only.
 */
export async function describeUnits(
  pooled: Float64Array,
  { labels, classCount, probabilityColumns, probabilityRows }: Labelling,
  { shuffles, orders }: NullOptions,
  product: Session | undefined,
): Promise<UnitDescriptions> {
  const imageCount = labels.length;
  const unitCount = pooled.length / imageCount;
  const images = new Int32Array(classCount);
  for (const label of labels) images[label]++;
  const selectivity = emptyAttribute(unitCount, classCount);
  const correlation = emptyAttribute(unitCount, classCount);
  const auc = emptyAttribute(unitCount, classCount);
  const standardized = new Float32Array(pooled.length);
  const pairs: Float64Array[] = [];
  const means = new Float64Array(classCount);
  const rankSums = new Float64Array(classCount);
  const rowOf = (attribute: ClassAttribute, unit: number): Float64Array =>
    attribute.vector.subarray(unit * classCount, (unit + 1) * classCount);

  for (let unit = 0; unit < unitCount; unit++) {
    const response = pooled.subarray(unit * imageCount, (unit + 1) * imageCount);
    const ranks = midRanks(response);
    means.fill(0);
    rankSums.fill(0);
    for (let image = 0; image < imageCount; image++) {
      means[labels[image]] += response[image];
      rankSums[labels[image]] += ranks[image];
    }
    if (shuffles > 0) pairs.push(sideBySide(response, ranks));
    const isConstant = ranks[0] === (imageCount + 1) / 2; // its class means differ by rounding only
    for (let cls = 0; cls < classCount; cls++) {
      means[cls] = isConstant && images[cls] > 0 ? response[0] : means[cls] / images[cls];
    }
    const selective = classSelectivity(means, rowOf(selectivity, unit));
    setScalar(selectivity, unit, selectivityScalar(means, selective));
    setScalar(auc, unit, maximumOf(aucFromRankSums(rankSums, images, rowOf(auc, unit))));
    const centred = standardize(response.slice());
    setScalar(correlation, unit, maximumOf(classCorrelation(centred, probabilityColumns, rowOf(correlation, unit))));
    if (!Number.isNaN(centred[0])) standardized.set(centred, unit * imageCount);
  }
  if (shuffles === 0) return { selectivity, correlation, auc };

  const scalars = shuffledScalars(images);
  const shuffledSelectivity = new Float64Array(unitCount * shuffles);
  const shuffledAuc = new Float64Array(unitCount * shuffles);
  const shuffledLabels = new Int32Array(imageCount);
  for (let shuffle = 0; shuffle < shuffles; shuffle++) {
    const order = orders(shuffle);
    for (let image = 0; image < imageCount; image++) shuffledLabels[image] = labels[order[image]];
    for (let unit = 0; unit < unitCount; unit++) {
      const found = scalars(pairs[unit], shuffledLabels);
      shuffledSelectivity[unit * shuffles + shuffle] = found.selectivity;
      shuffledAuc[unit * shuffles + shuffle] = found.auc;
    }
  }
  setNulls(selectivity, shuffledSelectivity, shuffles);
  setNulls(auc, shuffledAuc, shuffles);
  if (product) {
    const largest = await shuffledCorrelations(product, standardized, probabilityRows, classCount, shuffles, orders);
    setNulls(correlation, largest, shuffles);
  }
  return { selectivity, correlation, auc };
}

/** The attributes of two groups of units of one layer, one after the other. */
export function joinDescriptions(parts: readonly UnitDescriptions[]): UnitDescriptions {
  const join = (pick: (part: UnitDescriptions) => ClassAttribute): ClassAttribute => {
    const all = parts.map(pick);
    const floats = (key: Exclude<keyof ClassAttribute, "cls">): Float64Array =>
      Float64Array.from(all.flatMap((each) => [...each[key]]));
    return {
      vector: floats("vector"),
      scalar: floats("scalar"),
      cls: Int32Array.from(all.flatMap((each) => [...each.cls])),
      nullMean: floats("nullMean"),
      null95: floats("null95"),
      pValue: floats("pValue"),
    };
  };
  return {
    selectivity: join((part) => part.selectivity),
    correlation: join((part) => part.correlation),
    auc: join((part) => part.auc),
  };
}

function emptyAttribute(unitCount: number, classCount: number): ClassAttribute {
  const undefinedValues = (): Float64Array => new Float64Array(unitCount).fill(Number.NaN);
  return {
    vector: new Float64Array(unitCount * classCount),
    scalar: undefinedValues(),
    cls: new Int32Array(unitCount),
    nullMean: undefinedValues(),
    null95: undefinedValues(),
    pValue: undefinedValues(),
  };
}

/** The largest entry and its class; where all classes are equal, that value for no class. */
function maximumOf(vector: Float64Array): ClassScalar {
  const cls = bestClass(vector);
  if (cls >= 0) return { value: vector[cls], cls };
  return { value: vector.find((value) => !Number.isNaN(value)) ?? Number.NaN, cls };
}

function sideBySide(one: Float64Array, two: Float64Array): Float64Array {
  const pairs = new Float64Array(2 * one.length);
  for (let at = 0; at < one.length; at++) {
    pairs[2 * at] = one[at];
    pairs[2 * at + 1] = two[at];
  }
  return pairs;
}

function setScalar(attribute: ClassAttribute, unit: number, { value, cls }: ClassScalar): void {
  attribute.scalar[unit] = value;
  attribute.cls[unit] = cls;
}

function setNulls(attribute: ClassAttribute, shuffled: Float64Array, shuffles: number): void {
  for (let unit = 0; unit < attribute.scalar.length; unit++) {
    const values = shuffled.subarray(unit * shuffles, (unit + 1) * shuffles);
    const summary: NullSummary = summarizeNull(attribute.scalar[unit], values);
    attribute.nullMean[unit] = summary.mean;
    attribute.null95[unit] = summary.quantile95;
    attribute.pValue[unit] = summary.pValue;
  }
}
