/**
 * Pixel counts from which IoU and its relatives follow. Two disjoint sets of images give two counts whose sum is the
 * count of both.
 *
 * Only the pixels inside a unit's region (one in 200, by the choice of the threshold) are visited.
 */
import { UnitscopeError } from "../errors.ts";
import { listRegion, type UpsampleAxis } from "../numeric/upsample.ts";
import type { LabelAreas, LabelMaps } from "./concept-set.ts";

/** Sums over images; whole numbers, exact up to 2^53. */
export interface OverlapCounts {
  readonly unitCount: number;
  readonly conceptCount: number;
  readonly categoryCount: number;
  /** |M_u ∩ L_k|, row-major `[unitCount, conceptCount + 1]`; place 0 of a row counts unlabelled pixels, for speed. */
  readonly intersections: Float64Array;
  /** |M_u| over the images that show any concept of a category, row-major `[unitCount, categoryCount]`. */
  readonly unitPixels: Float64Array;
  /** |L_k|, `[conceptCount]`. */
  readonly conceptPixels: Float64Array;
  /** Images that show a concept, `[conceptCount]`. */
  readonly conceptImages: Float64Array;
  /** Pixels of the images that show any concept of a category, `[categoryCount]`. */
  readonly categoryPixels: Float64Array;
}

/** Counts of no image. */
export function emptyCounts(unitCount: number, conceptCount: number, categoryCount: number): OverlapCounts {
  return {
    unitCount,
    conceptCount,
    categoryCount,
    intersections: new Float64Array(unitCount * (conceptCount + 1)),
    unitPixels: new Float64Array(unitCount * categoryCount),
    conceptPixels: new Float64Array(conceptCount),
    conceptImages: new Float64Array(conceptCount),
    categoryPixels: new Float64Array(categoryCount),
  };
}

/** Counts of a few images, of which most intersections are zero. */
export interface SparseCounts extends Omit<OverlapCounts, "intersections"> {
  /** Places of the intersections that are not zero, and their values. */
  readonly places: Int32Array;
  readonly values: Float64Array;
}

/** Counts without their zeros. */
export function sparseCounts({ intersections, ...rest }: OverlapCounts): SparseCounts {
  const places = Int32Array.from(intersections.keys()).filter((place) => intersections[place] !== 0);
  return { ...rest, places, values: Float64Array.from(places, (place) => intersections[place]) };
}

/** The sum of the counts of disjoint images, one at least. */
export function sumCounts(parts: readonly SparseCounts[]): OverlapCounts {
  const [{ unitCount, conceptCount, categoryCount }] = parts;
  const total = emptyCounts(unitCount, conceptCount, categoryCount);
  for (const part of parts) {
    for (const key of ["unitCount", "conceptCount", "categoryCount"] as const) {
      if (total[key] !== part[key]) {
        throw new UnitscopeError("shape", `counts to merge: expected ${key} ${total[key]}, got ${part[key]}`);
      }
    }
    for (const key of ["unitPixels", "conceptPixels", "conceptImages", "categoryPixels"] as const) {
      for (const [i, value] of part[key].entries()) total[key][i] += value;
    }
    for (const [at, place] of part.places.entries()) total.intersections[place] += part.values[at];
  }
  return total;
}

/** Where the units' upsampled responses exceed their thresholds in one image. */
export interface UnitRegions {
  /** Positions in the label map, unit after unit; longer than what is used. */
  pixels: Int32Array;
  /** End of each unit's positions, `[unitCount]`. */
  readonly ends: Int32Array;
}

/** Regions to be filled by `findRegions`, again and again. */
export function emptyRegions(unitCount: number): UnitRegions {
  return { pixels: new Int32Array(0), ends: new Int32Array(unitCount) };
}

/**
 * Finds the region of every unit in one image.
 *
 * @param responses float32, row-major `[unitCount, rows.inputSize, columns.inputSize]`; read only.
 * @param thresholds float64 `[unitCount]`; the comparison is strict.
 */
export function findRegions(
  regions: UnitRegions,
  responses: Float32Array,
  thresholds: Float64Array,
  rows: UpsampleAxis,
  columns: UpsampleAxis,
): void {
  const positions = rows.inputSize * columns.inputSize;
  const room = rows.outputSize * columns.outputSize;
  let end = 0;
  for (let unit = 0; unit < thresholds.length; unit++) {
    if (regions.pixels.length < end + room) {
      const larger = new Int32Array(2 * (end + room));
      larger.set(regions.pixels.subarray(0, end));
      regions.pixels = larger;
    }
    const threshold = thresholds[unit];
    end += listRegion(responses, threshold, rows, columns, regions.pixels, { start: unit * positions, outStart: end });
    regions.ends[unit] = end;
  }
}

/** Adds one image: the units' regions in it against its labels. */
export function countImage(counts: OverlapCounts, regions: UnitRegions, labels: LabelMaps, areas: LabelAreas): void {
  const { intersections, unitPixels, conceptCount, categoryCount } = counts;
  const imagePixels = labels.height * labels.width;
  for (let i = 0; i < areas.concepts.length; i++) {
    const concept = areas.concepts[i];
    counts.conceptPixels[concept] += areas.pixels[i];
    counts.conceptImages[concept]++;
  }
  for (const category of areas.categories) counts.categoryPixels[category] += imagePixels;
  for (let unit = 0, start = 0; unit < counts.unitCount; unit++) {
    const end = regions.ends[unit];
    if (end === start) continue;
    const row = unit * (conceptCount + 1);
    for (const map of labels.maps) countPixels(intersections, row, map, regions.pixels, start, end);
    for (const concept of labels.whole) intersections[row + concept + 1] += end - start;
    for (const category of areas.categories) unitPixels[unit * categoryCount + category] += end - start;
    start = end;
  }
}

function countPixels(
  intersections: Float64Array,
  row: number,
  map: Uint16Array,
  pixels: Int32Array,
  start: number,
  end: number,
): void {
  for (let i = start; i < end; i++) intersections[row + map[pixels[i]]]++;
}

/**
 * IoU of every unit with every concept, |M_u ∩ L_k| / |M_u ∪ L_k|, where M_u counts only images that show any concept
 * of k's category (Bau et al. 2017); 0 where both are empty.
 *
 * @returns float64, row-major `[unitCount, conceptCount]`, in [0, 1].
 */
export function intersectionOverUnion(counts: OverlapCounts, categoryOf: Int32Array): Float64Array {
  const { unitCount, conceptCount, categoryCount, intersections, unitPixels, conceptPixels } = counts;
  const iou = new Float64Array(unitCount * conceptCount);
  for (let unit = 0; unit < unitCount; unit++) {
    for (let concept = 0; concept < conceptCount; concept++) {
      const both = intersections[unit * (conceptCount + 1) + concept + 1];
      if (both === 0) continue;
      const area = unitPixels[unit * categoryCount + categoryOf[concept]];
      iou[unit * conceptCount + concept] = both / (area + conceptPixels[concept] - both);
    }
  }
  return iou;
}
