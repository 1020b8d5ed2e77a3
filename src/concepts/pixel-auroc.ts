/**
 * How well a unit's upsampled response tells a concept's pixels from the others: the area under the ROC curve over all
 * pixels of the images that show the concept's category. Unlike IoU it does not depend on a threshold.
 *
 * Values are counted in equal bins between the unit's smallest and largest response. The smallest value (0 after a
 * ReLU) has a bin of its own, so its ties count exactly as ½; what other pairs fall into one bin bounds the error.
 */
import { setImmediate } from "node:timers/promises";
import { throwIfInterrupted } from "../data/cache.ts";
import { UnitscopeError } from "../errors.ts";
import { upsample } from "../numeric/upsample.ts";
import { type ConceptSet, categoryIndices, type LabelMaps } from "./concept-set.ts";
import { type PassOptions, readLabels, upsamplingOf } from "./overlap-pass.ts";
import type { ResponseSource } from "./response-source.ts";

const BINS = 4096;

/** One area under a ROC curve. */
export interface Auroc {
  /** In [0, 1]; `NaN` where the concept covers all of its category's images, or nothing. */
  readonly value: number;
  /** The exact value is within this of `value`. */
  readonly error: number;
}

/**
 * AUROC of pairs of a unit and a concept.
 *
 * @param concepts concept of each unit, or -1 to leave the unit out; `[unitCount]`.
 * @param ranges smallest and largest response of a unit over the set.
 * @returns `[unitCount]`; `NaN` for units that were left out.
 */
export async function measureAuroc(
  set: ConceptSet,
  source: ResponseSource,
  concepts: Int32Array,
  ranges: { readonly minima: Float64Array; readonly maxima: Float64Array },
  { field, signal, progress }: PassOptions = {},
): Promise<Auroc[]> {
  const categoryOf = categoryIndices(set.concepts);
  const positions = source.height * source.width;
  const axesFor = upsamplingOf(source, field);
  // two rows a unit: pixels outside the concept, and inside
  const histograms = Array.from(concepts, (concept) => (concept < 0 ? undefined : new Float64Array(2 * BINS)));
  const images = Int32Array.from({ length: set.imageCount }, (_, image) => image);
  const labelsInOrder = readLabels(set, images);
  let buffer = new Float64Array(0);
  let done = 0;
  for await (const { data } of source.responsesOf(images)) {
    throwIfInterrupted(signal, "concept alignment");
    const next = await labelsInOrder.next();
    if (next.done)
      throw new UnitscopeError("internal", `internal: responses: expected ${images.length} images, got more`);
    const { labels, areas } = next.value;
    const pixels = labels.height * labels.width;
    if (buffer.length !== pixels) buffer = new Float64Array(pixels);
    const axes = axesFor(labels);
    const masks = new Map<number, Uint8Array>();
    for (let unit = 0; unit < source.unitCount; unit++) {
      const concept = concepts[unit] as number;
      const histogram = histograms[unit];
      if (!histogram || !areas.categories.includes(categoryOf[concept] as number)) continue;
      const binOf = binning(ranges.minima[unit] as number, ranges.maxima[unit] as number);
      const start = unit * positions;
      const place = areas.concepts.indexOf(concept);
      const inside = place < 0 ? 0 : (areas.pixels[place] as number);
      if (isConstant(data, start, positions)) {
        const bin = binOf(data[start] as number);
        histogram[bin] += pixels - inside;
        histogram[BINS + bin] += inside;
        continue;
      }
      upsample(data, axes.rows, axes.columns, { start, out: buffer });
      if (inside === 0 || inside === pixels) {
        const from = inside === 0 ? 0 : BINS;
        for (let pixel = 0; pixel < pixels; pixel++) histogram[from + binOf(buffer[pixel] as number)]++;
        continue;
      }
      let mask = masks.get(concept);
      if (!mask) masks.set(concept, (mask = maskOf(labels, concept)));
      for (let pixel = 0; pixel < pixels; pixel++) {
        histogram[(mask[pixel] as number) * BINS + binOf(buffer[pixel] as number)]++;
      }
    }
    done++;
    progress?.(done);
    if (done % 4 === 0) await setImmediate();
  }
  return histograms.map((histogram) =>
    histogram ? areaUnderCurve(histogram) : { value: Number.NaN, error: Number.NaN },
  );
}

function binning(minimum: number, maximum: number): (value: number) => number {
  const scale = maximum > minimum ? (BINS - 1) / (maximum - minimum) : 0;
  return (value) => (value === minimum ? 0 : Math.min((1 + (value - minimum) * scale) | 0, BINS - 1));
}

function isConstant(data: Float32Array, start: number, length: number): boolean {
  for (let i = start + 1; i < start + length; i++) if (data[i] !== data[start]) return false;
  return true;
}

function maskOf({ maps, height, width }: LabelMaps, concept: number): Uint8Array {
  const mask = new Uint8Array(height * width);
  for (const map of maps)
    for (let pixel = 0; pixel < mask.length; pixel++) if (map[pixel] === concept + 1) mask[pixel] = 1;
  return mask;
}

/** @param histogram `[2, BINS]`: pixels outside, pixels inside. */
function areaUnderCurve(histogram: Float64Array): Auroc {
  let outsideBelow = 0;
  let inside = 0;
  let area = 0;
  let unsure = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const out = histogram[bin] as number;
    const within = histogram[BINS + bin] as number;
    area += within * (outsideBelow + out / 2);
    if (bin > 0) unsure += (within * out) / 2;
    outsideBelow += out;
    inside += within;
  }
  const pairs = inside * outsideBelow;
  return { value: area / pairs, error: unsure / pairs };
}
