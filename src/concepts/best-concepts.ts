/** From IoUs to the concept that a unit is said to detect. */

/** A unit is a detector of its best concept when its IoU is above this (Bau et al. 2017). */
export const DETECTOR_IOU = 0.04;

/** Each unit's best concept, overall and in every category. An IoU of 0 names no concept; a tie goes to the first. */
export interface BestConcepts {
  readonly unitCount: number;
  readonly categoryCount: number;
  /** Place of the best concept in the set's list, or -1; `[unitCount]`. */
  readonly concept: Int32Array;
  /** Its IoU, `[unitCount]`. */
  readonly iou: Float64Array;
  /** The same within each category, row-major `[unitCount, categoryCount]`. */
  readonly conceptIn: Int32Array;
  readonly iouIn: Float64Array;
}

/**
 * Finds the best concepts.
 *
 * @param iou float64, row-major `[unitCount, conceptCount]`.
 * @param categoryOf category of every concept, `[conceptCount]`.
 */
export function bestConcepts(iou: Float64Array, categoryOf: Int32Array): BestConcepts {
  const conceptCount = categoryOf.length;
  const unitCount = iou.length / conceptCount;
  const categoryCount = categoryOf.reduce((most, category) => Math.max(most, category + 1), 0);
  const best: BestConcepts = {
    unitCount,
    categoryCount,
    concept: new Int32Array(unitCount).fill(-1),
    iou: new Float64Array(unitCount),
    conceptIn: new Int32Array(unitCount * categoryCount).fill(-1),
    iouIn: new Float64Array(unitCount * categoryCount),
  };
  for (let unit = 0; unit < unitCount; unit++) {
    for (let concept = 0; concept < conceptCount; concept++) {
      const value = iou[unit * conceptCount + concept];
      const place = unit * categoryCount + categoryOf[concept];
      if (value > best.iouIn[place]) {
        best.iouIn[place] = value;
        best.conceptIn[place] = concept;
      }
      if (value > best.iou[unit]) {
        best.iou[unit] = value;
        best.concept[unit] = concept;
      }
    }
  }
  return best;
}
