/**
 * Resizing of 8-bit RGB images as Pillow does it, to the bit, because that is what torchvision's `Resize` runs on a
 * decoded file and therefore what published networks were measured with.
 *
 * Bilinear and bicubic are antialiased: a filter as wide as the reduction, horizontally and then vertically, with weights
 * in fixed point of 22 fraction bits and rounding to 8 bits after each pass (Pillow's resampling, from version 3.4 on).
 */

/** How resized pixels come from those of an image. */
export type Interpolation = "bilinear" | "bicubic" | "nearest";

/** A rectangle of the resized image, in its pixels. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** An interleaved 8-bit RGB image, row-major `[height, width, 3]`. */
interface Rgb {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

const FRACTION_BITS = 22;
const HALF = 1 << (FRACTION_BITS - 1);

/** For every output position: where its taps start, and its weights in fixed point, `[positions, tapCount]`. */
interface Taps {
  readonly tapCount: number;
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Int32Array;
}

/** Filters, by how far they reach and their weight at a distance: the triangle, and Keys' cubic with a = −0.5. */
const filters = {
  bilinear: { reach: 1, weight: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    reach: 2,
    weight: (x: number) => {
      const far = Math.abs(x);
      if (far < 1) return (1.5 * far - 2.5) * far * far + 1;
      return far < 2 ? (((far - 5) * far + 8) * far - 4) * -0.5 : 0;
    },
  },
} as const;

/**
 * Antialiased bilinear or bicubic resizing, or that to the nearest pixel.
 *
 * @param window the part of the result to compute; all of it by default. The values do not depend on it.
 * @returns uint8, row-major `[window.height, window.width, 3]`.
 */
export function resizeImage(
  image: Rgb,
  { width, height }: { width: number; height: number },
  interpolation: Interpolation,
  window: Window = { left: 0, top: 0, width, height },
): Uint8Array {
  if (interpolation === "nearest") return resizeNearest(image, width, height, window);
  const columns = filterTaps(interpolation, image.width, width, { first: window.left, count: window.width });
  const rows = filterTaps(interpolation, image.height, height, { first: window.top, count: window.height });
  const firstRow = rows.starts[0];
  const lastRow = rows.starts[window.height - 1] + rows.counts[window.height - 1];
  const narrow = resizeRows(image, columns, firstRow, lastRow - firstRow, window.width);
  return resizeColumns(narrow, rows, firstRow, window.width, window.height);
}

/** Nearest-neighbour resizing: the pixel under the output pixel's centre. */
function resizeNearest(image: Rgb, width: number, height: number, window: Window): Uint8Array {
  const columns = nearestPositions(image.width, width);
  const rows = nearestPositions(image.height, height);
  const resized = new Uint8Array(window.width * window.height * 3);
  let to = 0;
  for (let y = 0; y < window.height; y++) {
    const row = rows[window.top + y] * image.width;
    for (let x = 0; x < window.width; x++) {
      const from = 3 * (row + columns[window.left + x]);
      resized[to++] = image.data[from];
      resized[to++] = image.data[from + 1];
      resized[to++] = image.data[from + 2];
    }
  }
  return resized;
}

/** The input position of every output position; the centre advances by addition, as Pillow's does, so that ties round alike. */
function nearestPositions(from: number, to: number): Int32Array {
  const step = from / to;
  const positions = new Int32Array(to);
  let centre = step * 0.5;
  for (let at = 0; at < to; at++) {
    positions[at] = Math.min(Math.floor(centre), from - 1);
    centre += step;
  }
  return positions;
}

/** Taps of a filter for output positions `first` to `first + count - 1`. */
function filterTaps(
  name: keyof typeof filters,
  from: number,
  to: number,
  { first, count }: { first: number; count: number },
): Taps {
  const { reach, weight: weightAt } = filters[name];
  const scale = from / to;
  const spread = Math.max(scale, 1);
  const support = reach * spread;
  const tapCount = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * tapCount);
  const raw = new Float64Array(tapCount);
  for (let at = 0; at < count; at++) {
    const centre = (first + at + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    let sum = 0;
    for (let tap = 0; tap < end - start; tap++) {
      const weight = weightAt((tap + start - centre + 0.5) * (1 / spread));
      raw[tap] = weight;
      sum += weight;
    }
    starts[at] = start;
    counts[at] = end - start;
    for (let tap = 0; tap < end - start; tap++) {
      const scaled = (raw[tap] / sum) * (1 << FRACTION_BITS);
      weights[at * tapCount + tap] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
  }
  return { tapCount, starts, counts, weights };
}

/** The horizontal pass over some rows of an image: `[rowCount, width, 3]`. */
function resizeRows(image: Rgb, taps: Taps, firstRow: number, rowCount: number, width: number): Uint8Array {
  const { data } = image;
  const { tapCount, starts, counts, weights } = taps;
  const result = new Uint8Array(rowCount * width * 3);
  let to = 0;
  for (let y = 0; y < rowCount; y++) {
    const row = (firstRow + y) * image.width;
    for (let x = 0; x < width; x++) {
      let from = 3 * (row + starts[x]);
      const firstWeight = x * tapCount;
      const lastWeight = firstWeight + counts[x];
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let at = firstWeight; at < lastWeight; at++) {
        const weight = weights[at];
        red += data[from] * weight;
        green += data[from + 1] * weight;
        blue += data[from + 2] * weight;
        from += 3;
      }
      result[to++] = clip(red >> FRACTION_BITS);
      result[to++] = clip(green >> FRACTION_BITS);
      result[to++] = clip(blue >> FRACTION_BITS);
    }
  }
  return result;
}

/** The vertical pass; `data` holds rows from `firstRow` on. */
function resizeColumns(data: Uint8Array, taps: Taps, firstRow: number, width: number, height: number): Uint8Array {
  const { tapCount, starts, counts, weights } = taps;
  const stride = width * 3;
  const result = new Uint8Array(height * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    const count = counts[y];
    for (let tap = 0; tap < count; tap++) {
      const weight = weights[y * tapCount + tap];
      const from = (starts[y] - firstRow + tap) * stride;
      for (let x = 0; x < stride; x++) sums[x] = sums[x] + data[from + x] * weight;
    }
    const to = y * stride;
    for (let x = 0; x < stride; x++) result[to + x] = clip(sums[x] >> FRACTION_BITS);
  }
  return result;
}

/** Rounded weights can add up to a little more than one, and a cubic overshoots. */
function clip(value: number): number {
  return value > 255 ? 255 : value < 0 ? 0 : value;
}
