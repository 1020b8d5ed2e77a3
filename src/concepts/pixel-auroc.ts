/**
 * How well a unit's upsampled response tells a concept's pixels from the others: the area under the ROC curve over all
 * pixels of the images that show the concept's category. Unlike IoU it does not depend on a threshold.
 *
 * Values are counted in equal bins between the unit's smallest and largest response. The smallest value (0 after a
 * ReLU) has a bin of its own, so its ties count exactly as ½; what other pairs fall into one bin bounds the error.
 */
import type { UpsampleAxis } from "../numeric/upsample.ts";
import type { LabelMaps } from "./concept-set.ts";
import { type MeasuredLabels, type ResponseField, type ResponseShape, upsamplingOf } from "./overlap-counter.ts";

const BINS = 2048;

/** One area under a ROC curve. */
export interface Auroc {
  /** In [0, 1]; `NaN` where the concept covers all of its category's images, or nothing. */
  readonly value: number;
  /** The exact value is within this of `value`. */
  readonly error: number;
}

/** Counts images one after another: per unit two rows of bins, pixels outside its concept and inside. */
export interface AurocCounter {
  add(data: Float32Array, labels: MeasuredLabels): void;
  /** `null` for units that are left out. */
  readonly histograms: readonly (Float64Array | null)[];
}

/**
 * Starts counting.
 *
 * @param concepts concept of each unit, or -1 to leave the unit out; `[unitCount]`.
 * @param ranges smallest and largest response of a unit over the set.
 */
export function aurocCounter(
  shape: ResponseShape,
  concepts: Int32Array,
  {
    minima,
    maxima,
    categoryOf,
    field,
  }: { minima: Float64Array; maxima: Float64Array; categoryOf: Int32Array; field: ResponseField | undefined },
): AurocCounter {
  const positions = shape.height * shape.width;
  const axesFor = upsamplingOf(shape, field);
  const histograms = Array.from(concepts, (concept) => (concept < 0 ? null : new Float64Array(2 * BINS)));
  const scaled = new Float64Array(positions);
  return {
    histograms,
    add: (data, { labels, areas }) => {
      const { rows, columns } = axesFor(labels);
      const masks = new Map<number, ConceptMask>();
      for (let unit = 0; unit < shape.unitCount; unit++) {
        const concept = concepts[unit];
        const histogram = histograms[unit];
        if (!histogram || !areas.categories.includes(categoryOf[concept])) continue;
        const shown = areas.concepts.includes(concept) ? concept : NOTHING; // images without it share one empty mask
        let mask = masks.get(shown);
        if (!mask) masks.set(shown, (mask = maskOf(labels, shown)));
        const range = maxima[unit] - minima[unit];
        const scale = range > 0 ? (BINS - 2) / range : 0;
        // Upsampling commutes with this, so each pixel's value is its bin.
        for (let i = 0; i < positions; i++) scaled[i] = (data[unit * positions + i] - minima[unit]) * scale;
        countValues(histogram, scaled, mask, rows, columns);
      }
    },
  };
}

/** The areas from the counts of all images, `[unitCount]`; `NaN` for units that were left out. */
export function areasUnderCurves(histograms: AurocCounter["histograms"]): Auroc[] {
  return histograms.map((histogram) =>
    histogram ? areaUnderCurve(histogram) : { value: Number.NaN, error: Number.NaN },
  );
}

/** Which pixels of an image show a concept. */
interface ConceptMask {
  /** Offset into a histogram by pixel, row-major: 0 outside, `BINS` inside. */
  readonly rowOf: Uint16Array;
  /** Pixels inside among the first `x` of a line, row-major `[height, width + 1]`. */
  readonly before: Int32Array;
}

/** In place of a concept that an image does not show. */
const NOTHING = -1;

function maskOf({ maps, whole, height, width }: LabelMaps, concept: number): ConceptMask {
  const rowOf = new Uint16Array(height * width);
  if (whole.includes(concept)) rowOf.fill(BINS);
  const searched = concept === NOTHING ? [] : maps;
  for (const map of searched) for (let i = 0; i < rowOf.length; i++) if (map[i] === concept + 1) rowOf[i] = BINS;
  const before = new Int32Array(height * (width + 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = rowOf[y * width + x] === 0 ? 0 : 1;
      before[y * (width + 1) + x + 1] = before[y * (width + 1) + x] + inside;
    }
  }
  return { rowOf, before };
}

/**
 * Adds the upsampled values of one response to a histogram. Value 0 is the unit's smallest and has bin 0; cells of
 * nothing but that, most of them after a ReLU, are counted at once.
 *
 * @param scaled row-major `[rows.inputSize, columns.inputSize]`, in 0..BINS-2.
 */
function countValues(
  histogram: Float64Array,
  scaled: Float64Array,
  { rowOf, before }: ConceptMask,
  rows: UpsampleAxis,
  columns: UpsampleAxis,
): void {
  const { inputSize: width, outputSize: outWidth, first, weight } = columns;
  const line = new Float64Array(width + 1);
  for (let y = 0; y < rows.outputSize; y++) {
    const cellRow = rows.lower[y];
    const down = rows.weight[y];
    const upper = cellRow * width;
    const below = cellRow + 1 < rows.inputSize ? upper + width : upper;
    for (let x = 0; x < width; x++) {
      const a = scaled[upper + x];
      line[x] = a + (scaled[below + x] - a) * down;
    }
    line[width] = line[width - 1];
    for (let cell = 0; cell < width; cell++) {
      const left = line[cell];
      const slope = line[cell + 1] - left;
      const [from, to] = [first[cell], first[cell + 1]];
      if (left === 0 && slope === 0) {
        const counted = y * (outWidth + 1);
        const inside = before[counted + to] - before[counted + from];
        histogram[BINS] += inside;
        histogram[0] += to - from - inside;
        continue;
      }
      for (let x = from; x < to; x++) {
        const value = left + slope * weight[x];
        histogram[rowOf[y * outWidth + x] + (value === 0 ? 0 : 1 + (value | 0))]++;
      }
    }
  }
}

/** @param histogram `[2, BINS]`: pixels outside, pixels inside. */
function areaUnderCurve(histogram: Float64Array): Auroc {
  let outsideBelow = 0;
  let inside = 0;
  let area = 0;
  let unsure = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const out = histogram[bin];
    const within = histogram[BINS + bin];
    area += within * (outsideBelow + out / 2);
    if (bin > 0) unsure += (within * out) / 2;
    outsideBelow += out;
    inside += within;
  }
  const pairs = inside * outsideBelow;
  return { value: area / pairs, error: unsure / pairs };
}
