/**
 * Counts the overlaps of every unit with every concept image by image, and beside them those of the same responses with
 * other images' labels (shuffled masks).
 */
import { type FieldAxis, fieldCentredAxis, halfPixelAxis, type UpsampleAxis } from "../numeric/upsample.ts";
import { type LabelAreas, type LabelMaps, measureLabels, measureRuns } from "./concept-set.ts";
import {
  countImage,
  emptyCounts,
  emptyRegions,
  findRegions,
  type OverlapCounts,
  type UnitRegions,
} from "./overlap-counts.ts";

/** Where a layer's responses lie in the network's input; absent means half-pixel alignment. */
export interface ResponseField {
  readonly rows: FieldAxis;
  readonly columns: FieldAxis;
}

/** The responses of some units to one image: float32, row-major `[unitCount, height, width]`. */
export interface ResponseShape {
  readonly unitCount: number;
  readonly height: number;
  readonly width: number;
}

/** One image's labels with their sums. */
export interface MeasuredLabels {
  readonly labels: LabelMaps;
  readonly areas: LabelAreas;
  /** From `measureRuns`, one for each map. */
  readonly runs: readonly Uint8Array[];
}

/** Labels with what is read off their pixels. @param categoryOf category of every concept. */
export function measured(labels: LabelMaps, categoryOf: Int32Array): MeasuredLabels {
  return { labels, areas: measureLabels(labels, categoryOf), runs: labels.maps.map(measureRuns) };
}

/** Upsampling from a layer's size to any label map's, computed once for every size. */
export function upsamplingOf(
  { height, width }: Pick<ResponseShape, "height" | "width">,
  field: ResponseField | undefined,
): (labels: Pick<LabelMaps, "height" | "width">) => { rows: UpsampleAxis; columns: UpsampleAxis } {
  const known = new Map<string, { rows: UpsampleAxis; columns: UpsampleAxis }>();
  return (labels) => {
    const key = sizeKey(labels);
    let axes = known.get(key);
    if (!axes) {
      axes = {
        rows: field ? fieldCentredAxis(height, labels.height, field.rows) : halfPixelAxis(height, labels.height),
        columns: field ? fieldCentredAxis(width, labels.width, field.columns) : halfPixelAxis(width, labels.width),
      };
      known.set(key, axes);
    }
    return axes;
  };
}

/** Counts images one after another. */
export interface OverlapCounter {
  /**
   * Adds an image's responses.
   * @param recent its own labels, then those that it is given in each shuffle.
   */
  add(data: Float32Array, recent: readonly MeasuredLabels[]): void;
  /** With the images' own labels, then with those of every shuffle. */
  readonly counts: readonly OverlapCounts[];
}

/**
 * Starts counting.
 * @param thresholds float64 `[unitCount]`; the comparison is strict.
 * @param sizes.shuffles shuffled counts beside the images' own.
 */
export function overlapCounter(
  shape: ResponseShape,
  thresholds: Float64Array,
  {
    conceptCount,
    categoryCount,
    shuffles,
    field,
  }: { conceptCount: number; categoryCount: number; shuffles: number; field: ResponseField | undefined },
): OverlapCounter {
  const counts = Array.from({ length: shuffles + 1 }, () => emptyCounts(shape.unitCount, conceptCount, categoryCount));
  const axesFor = upsamplingOf(shape, field);
  const regions = new Map<string, UnitRegions>();
  const found = new Set<string>();
  return {
    counts,
    add: (data, recent) => {
      found.clear();
      for (const [shuffle, each] of recent.entries()) {
        const { labels } = each;
        const key = sizeKey(labels);
        let own = regions.get(key);
        if (!own) regions.set(key, (own = emptyRegions(shape.unitCount)));
        if (!found.has(key)) {
          const { rows, columns } = axesFor(labels);
          findRegions(own, data, thresholds, rows, columns);
          found.add(key);
        }
        countImage(counts[shuffle], own, each);
      }
      for (const key of regions.keys()) if (!found.has(key)) regions.delete(key); // a set may have thousands of sizes
    },
  };
}

function sizeKey({ height, width }: Pick<LabelMaps, "height" | "width">): string {
  return `${height}×${width}`;
}
