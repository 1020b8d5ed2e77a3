/**
 * The null of a maximum: how large the largest of many class drops is when the unit does nothing in particular.
 *
 * Null: each discordant image would as soon have been lost as gained, independently (sign flips of the lost/gained
 * pairs). Then the drop of class c is (n_c − 2 G_c) / images_c with n_c = lost + gained and G_c ~ Bin(n_c, ½), classes
 * are independent, and the distribution of the maximum is a product of binomial distributions: no simulation needed.
 */
import { halfBinomialCdf, halfBinomialPmf } from "./half-binomial.ts";
import { type DiscreteValues, type MaxDistribution, maxOfIndependent } from "./max-of-independent.ts";

/** The largest class drop of a unit against its null. */
export interface MaxDropNull {
  /** The largest class drop; `NaN` if no class has an image. */
  readonly maxDrop: number;
  /** The lowest class that reaches it; −1 if no class has an image. */
  readonly maxClass: number;
  /** P(the largest class drop under the null ≥ the observed one), exact; `NaN` if no class has an image. */
  readonly pValue: number;
  /** What the largest class drop is under the null. */
  readonly underNull: MaxDistribution;
}

/**
 * Compares a unit's largest class drop with its exact null.
 *
 * @param lost, gained int32 `[classCount]`, one unit's row; read only.
 * @param images images of each class, int32 `[classCount]`; classes without images take no part.
 */
export function maxDropNull(lost: Int32Array, gained: Int32Array, images: Int32Array): MaxDropNull {
  const classCount = images.length;
  let maxClass = -1;
  for (let cls = 0; cls < classCount; cls++) {
    if (images[cls] === 0) continue;
    // Fractions are compared by products of integers: a drop of 3/300 ties with one of 1/100.
    const better =
      maxClass < 0 || (lost[cls] - gained[cls]) * images[maxClass] > (lost[maxClass] - gained[maxClass]) * images[cls];
    if (better) maxClass = cls;
  }
  if (maxClass < 0) {
    const underNull = { mean: Number.NaN, quantile95: Number.NaN };
    return { maxDrop: Number.NaN, maxClass, pValue: Number.NaN, underNull };
  }

  const net = lost[maxClass] - gained[maxClass];
  let logNoneReaches = 0;
  for (let cls = 0; cls < classCount; cls++) {
    if (images[cls] === 0) continue;
    const discordant = lost[cls] + gained[cls];
    // (n − 2 G) / images_c ≥ net / images_max, that is, G ≤ (n − ⌈net · images_c / images_max⌉) / 2.
    const needed = ceilDivide(net * images[cls], images[maxClass]);
    const reaches = halfBinomialCdf(Math.floor((discordant - needed) / 2), discordant);
    logNoneReaches += Math.log1p(-reaches);
  }
  return {
    maxDrop: net / images[maxClass],
    maxClass,
    pValue: -Math.expm1(logNoneReaches),
    underNull: maxDropDistribution(
      lost.map((count, cls) => count + gained[cls]),
      images,
    ),
  };
}

/**
 * The distribution of the largest class drop under the null, exact up to outcomes rarer than 1e-17 per class.
 *
 * @param discordant lost + gained images of each class, int32 `[classCount]`.
 * @param images images of each class, int32 `[classCount]`; classes without images take no part.
 */
export function maxDropDistribution(discordant: Int32Array, images: Int32Array): MaxDistribution {
  const classes: DiscreteValues[] = [];
  for (let cls = 0; cls < images.length; cls++) {
    if (images[cls] === 0) continue;
    const flips = discordant[cls];
    // Outcomes more than nine standard deviations out, together rarer than 6e-18 (Hoeffding's bound), are left out.
    const reach = 9 * Math.sqrt(flips);
    const values: number[] = [];
    const probabilities: number[] = [];
    for (let gained = Math.max(0, Math.ceil((flips - reach) / 2)); gained <= flips; gained++) {
      if (2 * gained - flips > reach) break;
      values.push((flips - 2 * gained) / images[cls]);
      probabilities.push(halfBinomialPmf(gained, flips));
    }
    classes.push({ values, probabilities });
  }
  return maxOfIndependent(classes);
}

function ceilDivide(numerator: number, denominator: number): number {
  const quotient = Math.floor(numerator / denominator);
  // Products stay below 2^53, so the remainder is exact even where the quotient was rounded.
  const remainder = numerator - quotient * denominator;
  return quotient + (remainder > 0 ? Math.ceil(remainder / denominator) : remainder < 0 ? -1 : 0);
}
