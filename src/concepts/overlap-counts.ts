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
  let count = 0;
  for (let place = 0; place < intersections.length; place++) if (intersections[place] !== 0) count++;
  const places = new Int32Array(count);
  const values = new Float64Array(count);
  for (let place = 0, at = 0; at < count; place++) {
    if (intersections[place] === 0) continue;
    places[at] = place;
    values[at++] = intersections[place];
  }
  return { ...rest, places, values };
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
    const { places, values } = part;
    for (let at = 0; at < places.length; at++) total.intersections[places[at]] += values[at];
  }
  return total;
}

/** Where the units' upsampled responses exceed their thresholds in one image. */
export interface UnitRegions {
  /** Runs of neighbouring positions in the label map, the first and the one after the last in turn, unit after unit. */
  runs: Int32Array;
  /** End of each unit's runs, `[unitCount]`. */
  readonly ends: Int32Array;
  /** Pixels of each unit's region, `[unitCount]`. */
  readonly sizes: Int32Array;
  /** One unit's positions, while they are found. */
  pixels: Int32Array;
}

/** Regions to be filled by `findRegions`, again and again. */
export function emptyRegions(unitCount: number): UnitRegions {
  return {
    runs: new Int32Array(0),
    ends: new Int32Array(unitCount),
    sizes: new Int32Array(unitCount),
    pixels: new Int32Array(0),
  };
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
  if (regions.pixels.length < room) regions.pixels = new Int32Array(room);
  const { pixels } = regions;
  let end = 0;
  for (let unit = 0; unit < thresholds.length; unit++) {
    const size = listRegion(responses, thresholds[unit], rows, columns, pixels, { start: unit * positions });
    if (regions.runs.length < end + 2 * size) {
      const larger = new Int32Array(2 * (end + 2 * size));
      larger.set(regions.runs.subarray(0, end));
      regions.runs = larger;
    }
    const { runs } = regions;
    for (let i = 0; i < size; ) {
      const first = pixels[i];
      let length = 1;
      while (i + length < size && pixels[i + length] === first + length) length++;
      runs[end++] = first;
      runs[end++] = first + length;
      i += length;
    }
    regions.ends[unit] = end;
    regions.sizes[unit] = size;
  }
}

/** Adds one image: the units' regions in it against its labels. */
export function countImage(
  counts: OverlapCounts,
  regions: UnitRegions,
  { labels, areas, runs }: { labels: LabelMaps; areas: LabelAreas; runs: readonly Uint8Array[] },
): void {
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
    const size = regions.sizes[unit];
    const row = unit * (conceptCount + 1);
    for (let at = 0; at < labels.maps.length; at++) {
      countRuns(intersections, row, labels.maps[at], runs[at], regions, start, end);
    }
    for (const concept of labels.whole) intersections[row + concept + 1] += size;
    for (const category of areas.categories) unitPixels[unit * categoryCount + category] += size;
    start = end;
  }
}

/** Counts the labels of a region's runs: a step for each piece of one label instead of one for each pixel. */
function countRuns(
  intersections: Float64Array,
  row: number,
  map: Uint16Array,
  alike: Uint8Array,
  { runs }: UnitRegions,
  start: number,
  end: number,
): void {
  for (let i = start; i < end; i += 2) {
    const last = runs[i + 1];
    for (let pixel = runs[i]; pixel < last; ) {
      const next = Math.min(last, pixel + alike[pixel]);
      intersections[row + map[pixel]] += next - pixel;
      pixel = next;
    }
  }
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
