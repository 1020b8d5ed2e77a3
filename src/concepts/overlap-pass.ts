/**
 * One reading of the responses and labels of a concept set that gives the overlap counts, and beside them the counts
 * of the same responses against other images' labels (shuffled masks).
 */
import { setImmediate } from "node:timers/promises";
import { throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { type FieldAxis, fieldCentredAxis, halfPixelAxis, type UpsampleAxis } from "../numeric/upsample.ts";
import type { LabelAreas } from "./concept-set.ts";
import { type ConceptSet, categoriesOf, categoryIndices, type LabelMaps, measureLabels } from "./concept-set.ts";
import {
  countImage,
  emptyCounts,
  emptyRegions,
  findRegions,
  type OverlapCounts,
  type UnitRegions,
} from "./overlap-counts.ts";
import type { ResponseSource } from "./response-source.ts";

/** Where a layer's responses lie in the network's input; absent means half-pixel alignment. */
export interface ResponseField {
  readonly rows: FieldAxis;
  readonly columns: FieldAxis;
}

/** What every pass over a set takes. */
export interface PassOptions {
  readonly field?: ResponseField | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after every image with how many of the pass are done. */
  readonly progress?: ((done: number) => void) | undefined;
}

/** Upsampling from a layer's size to any label map's, computed once for every size. */
export function upsamplingOf(
  { height, width }: Pick<ResponseSource, "height" | "width">,
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

/** One image's labels with their sums. */
export interface MeasuredLabels {
  readonly labels: LabelMaps;
  readonly areas: LabelAreas;
}

/** Reads the labels of images in order, a few ahead of the reader. */
export async function* readLabels(
  set: ConceptSet,
  images: ArrayLike<number>,
  ahead = 8,
): AsyncGenerator<MeasuredLabels> {
  const categoryOf = categoryIndices(set.concepts);
  const read = (at: number): Promise<MeasuredLabels> | undefined => {
    if (at >= images.length) return undefined;
    const reading = set.labels(images[at]).then((labels) => ({ labels, areas: measureLabels(labels, categoryOf) }));
    reading.catch(() => {}); // it is awaited below; an earlier failure must not count as unhandled meanwhile
    return reading;
  };
  const waiting = Array.from({ length: ahead }, (_, at) => read(at));
  for (let at = 0; at < images.length; at++) {
    const next = waiting.shift();
    waiting.push(read(at + ahead));
    if (next) yield await next;
  }
}

/**
 * Counts overlaps of every unit with every concept.
 *
 * Shuffled masks: the images are read in the order `order`, and for shift s each image's responses meet the labels of
 * the image that was read s places before it (in a circle). With a random order, the shifts are random permutations
 * that give no image its own labels, and one reading serves them all.
 *
 * @param thresholds float64 `[unitCount]`.
 * @param order a permutation of the set's images.
 * @param shifts shuffled counts to make, at most `imageCount - 1`.
 * @returns the counts of the set, then those of every shift.
 */
export async function countOverlaps(
  set: ConceptSet,
  source: ResponseSource,
  thresholds: Float64Array,
  order: Int32Array,
  shifts: number,
  { field, signal, progress }: PassOptions = {},
): Promise<OverlapCounts[]> {
  const categoryCount = categoriesOf(set.concepts).length;
  const all = Array.from({ length: shifts + 1 }, () =>
    emptyCounts(source.unitCount, set.concepts.length, categoryCount),
  );
  const axesFor = upsamplingOf(source, field);
  const regions = new Map<string, UnitRegions>();
  const found = new Set<string>();
  // labels of this image and of those before it, the newest first
  const recent: MeasuredLabels[] = [];
  for await (const labels of readLabels(set, order.subarray(order.length - shifts))) recent.unshift(labels);
  const labelsInOrder = readLabels(set, order);
  let done = 0;
  for await (const { image, data } of source.responsesOf(order)) {
    throwIfInterrupted(signal, "concept alignment");
    const next = await labelsInOrder.next();
    if (next.done || image !== order[done]) {
      throw new UnitscopeError("internal", `internal: responses: expected image ${order[done]}, got ${image}`);
    }
    recent.unshift(next.value);
    found.clear();
    for (const [shift, { labels, areas }] of recent.entries()) {
      const key = sizeKey(labels);
      let own = regions.get(key);
      if (!own) regions.set(key, (own = emptyRegions(source.unitCount)));
      if (!found.has(key)) {
        const { rows, columns } = axesFor(labels);
        findRegions(own, data, thresholds, rows, columns);
        found.add(key);
      }
      countImage(all[shift], own, labels, areas);
    }
    if (recent.length > shifts) recent.pop();
    for (const key of regions.keys()) if (!found.has(key)) regions.delete(key); // a set may have thousands of sizes
    done++;
    progress?.(done);
    if (done % 16 === 0) await setImmediate(); // lets Ctrl-C and timers through
  }
  if (done !== order.length) {
    throw new UnitscopeError("internal", `internal: responses: expected ${order.length} images, got ${done}`);
  }
  return all;
}

function sizeKey({ height, width }: Pick<LabelMaps, "height" | "width">): string {
  return `${height}×${width}`;
}
