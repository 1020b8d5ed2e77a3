/** Class selectivity (Morcos et al. 2018): how much more a unit responds to one class than to the others. */
import { bestClass } from "./best-class.ts";

/** Keeps the ratio finite for a silent unit. */
const epsilon = 1e-6;

/** A scalar with the class it stands for; -1 where no class is singled out. */
export interface ClassScalar {
  readonly value: number;
  readonly cls: number;
}

/**
 * Class selectivity of one unit for every class: `(μ_c − μ_¬c) / (μ_c + μ_¬c + 1e-6)`.
 *
 * `μ_¬c` is the unweighted mean of the other classes' means, so that a frequent class does not count twice. Nothing is
 * clipped: for responses that can be negative the values may leave [-1, 1].
 *
 * @param means mean pooled response per class, `NaN` for a class without images, `[classCount]`; read only.
 * @param out written, `[classCount]`: in [-1, 1] for non-negative means; `NaN` for a class without images, if no other
 *   class has any, or if the denominator is 0.
 */
export function classSelectivity(
  means: Float64Array,
  out: Float64Array = new Float64Array(means.length),
): Float64Array {
  let total = 0;
  let present = 0;
  let lowest = Infinity;
  let highest = -Infinity;
  for (const mean of means) {
    if (Number.isNaN(mean)) continue;
    total += mean;
    present++;
    if (mean < lowest) lowest = mean;
    if (mean > highest) highest = mean;
  }
  for (let cls = 0; cls < means.length; cls++) {
    const mean = means[cls];
    const others = lowest === highest && present > 1 ? lowest : (total - mean) / (present - 1); // exactly 0 if all are equal
    const ratio = (mean - others) / (mean + others + epsilon);
    out[cls] = Number.isFinite(ratio) ? ratio : Number.NaN;
  }
  return out;
}

/**
 * The scalar: the value for the class with the highest mean (the lowest index of a tie). Where all means are equal, as
 * those of a silent unit, it is 0 for no class.
 */
export function selectivityScalar(means: Float64Array, selectivity: Float64Array): ClassScalar {
  const cls = bestClass(means);
  if (cls >= 0) return { value: selectivity[cls], cls: Number.isNaN(selectivity[cls]) ? -1 : cls };
  return { value: selectivity.some((value) => value === 0) ? 0 : Number.NaN, cls };
}
